"""Every callback of the catalogue in Keras, on the backend that KERAS_BACKEND names."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="the bridge to Keras needs keras, and a backend for it")

from lineside.testing.catalogue.watching import WatchesGradients
from tests.frameworks.keras import test_contract as contract
from tests.matrix.recorded import Recorded

BACKEND = keras.backend.backend()


class TestKeras(Recorded):
    column = f"keras-{BACKEND}"
    distributions = ("keras", BACKEND)
    weight_suffix = ".keras"

    def fit(self, callbacks, **options):
        contract.TestKeras().fit(callbacks, **options)

    def load_weights(self, path):
        weights = keras.models.load_model(path).weights  # whose names lack that of the model
        return {f"line.layer.{one.name}": np.ravel(one.numpy()).astype("float64") for one in weights}


@pytest.mark.skipif(BACKEND != "tensorflow", reason="GradientTape is TensorFlow's: set KERAS_BACKEND=tensorflow")
class TestLoop(TestKeras):
    column = "loop-tensorflow"

    def fit(self, callbacks, **options):
        from tests.frameworks.keras import test_loop as loop

        loop.TestLoop().fit(callbacks, **options)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="gradients=True is TensorFlow's: set KERAS_BACKEND=tensorflow")
@pytest.mark.parametrize("host", [TestKeras, TestLoop])
def test_gradients_that_are_asked_for_are_watched(host, tmp_path):
    class WithGradients(host):
        def fit(self, callbacks, **options):
            super().fit(callbacks, gradients=True, **options)

    suite = WithGradients()
    suite.outcomes = {}
    suite.test_it_goes_on_when_resumed(WatchesGradients, tmp_path)
    assert suite.outcomes == {"gradient-watch": {"resume": []}}
