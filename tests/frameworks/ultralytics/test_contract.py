"""Ultralytics runs the suite that every host runs, with a small YOLO in the place of the toy."""

from __future__ import annotations

import pytest
from ultralytics import YOLO

from lineside.bridges.ultralytics import ultralytics
from lineside.testing import HostContract, toy
from lineside.testing.toy_callbacks import KeepsValues


class TestUltralytics(HostContract):
    calls_in_a_batch = 16
    lacking = frozenset()

    @pytest.fixture(autouse=True)
    def _tools(self, fit, pictures, narrow):
        self._train, self._pictures, self._narrow = fit, pictures, narrow

    def fit(self, callbacks, *, epochs, **options):
        self._train(callbacks, epochs=epochs, **options)

    def predict(self, callbacks, **options):
        yolo = YOLO(self._narrow)
        ultralytics(yolo, callbacks, **options)
        size = len(list(self._pictures.iterdir())) // toy.VAL_BATCHES
        yolo.predict(str(self._pictures), imgsz=64, batch=size, device="cpu", verbose=False)

    def test_values_are_fresh_and_right(self, tmp_path):
        """Right is what Ultralytics itself found: the sums of the losses in its table."""
        seen = KeepsValues()
        bridge = self._train([seen], epochs=2)
        table = bridge.yolo.trainer.read_results_csv()
        for epoch, values in enumerate(seen.values):
            assert values["val/loss"][1:] == values["train/loss"][1:] == ((epoch + 1) * toy.BATCHES, epoch)
            losses = [table[f"val/{part}"][epoch] for part in ("box_loss", "cls_loss", "dfl_loss")]
            assert values["val/loss"][0] == pytest.approx(sum(losses), rel=1e-4)
