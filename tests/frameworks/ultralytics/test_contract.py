"""Ultralytics runs the suite that every host runs, with a small YOLO in the place of the toy."""

from __future__ import annotations

import pytest
from ultralytics import YOLO

from lineside.bridges.ultralytics import ultralytics
from lineside.testing import HostContract, toy
from lineside.testing.toy_callbacks import KeepsValues


class TestUltralytics(HostContract):
    lacking = frozenset()

    @pytest.fixture(autouse=True)
    def _tools(self, fit, pictures):
        self._train, self._pictures = fit, pictures

    def fit(self, callbacks, *, epochs, **options):
        self._train(callbacks, epochs=epochs, **options)

    def predict(self, callbacks, **options):
        yolo = YOLO("yolov8n.yaml")
        ultralytics(yolo, callbacks, **options)
        sources = [str(path) for path in self._pictures]
        yolo.predict(sources, imgsz=64, batch=len(sources) // toy.VAL_BATCHES, device="cpu", verbose=False)

    def test_values_are_fresh_and_right(self, tmp_path):
        """Right is what Ultralytics itself found: the sums of the losses in its table."""
        seen = KeepsValues()
        bridge = self._train([seen], epochs=2)
        table = bridge.yolo.trainer.read_results_csv()
        for epoch, values in enumerate(seen.values):
            assert values["val/loss"][1:] == values["train/loss"][1:] == ((epoch + 1) * toy.BATCHES, epoch)
            losses = [table[f"val/{part}"][epoch] for part in ("box_loss", "cls_loss", "dfl_loss")]
            assert values["val/loss"][0] == pytest.approx(sum(losses), rel=1e-4)
