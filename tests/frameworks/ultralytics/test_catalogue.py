"""Every callback of the catalogue in Ultralytics, with a small YOLO in the place of the toy."""

from __future__ import annotations

import pytest
from ultralytics import YOLO

from tests.matrix.recorded import Recorded


class TestUltralytics(Recorded):
    column = "ultralytics"
    distributions = ("ultralytics-opencv-headless", "torch")
    is_line = False
    weight_suffix = ".pt"

    @pytest.fixture(autouse=True)
    def _tools(self, fit):
        self._train = fit

    def fit(self, callbacks, *, epochs, **options):
        self._train(callbacks, epochs=epochs, **options)

    def validated(self, run):
        return _flat(run.host_port._average.weights())

    def load_weights(self, path):
        return _flat(YOLO(path).model.state_dict())


def _flat(weights):
    return {name: tensor.detach().double().numpy().ravel().copy() for name, tensor in weights.items()}
