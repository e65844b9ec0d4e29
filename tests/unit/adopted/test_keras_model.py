from __future__ import annotations

import pytest

from lineside.adopted import adopt
from lineside.control import Kind
from lineside.errors import AdoptedError, RequestRefused
from lineside.testing import FakeModel, FakeRun


def test_a_stop_is_asked_for_once_with_a_reason_and_is_final() -> None:
    class Stops:
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    stops = Stops()
    run = FakeRun([adopt(stops)])
    run.batch_end(loss=0.5, stepped=False)
    run.batch_end(loss=0.5)
    assert [(one.kind, one.reason) for one in run.requests] == [(Kind.STOP, "keras-stops set model.stop_training")]
    with pytest.raises(RequestRefused, match="final"):
        stops.model.stop_training = False


def test_a_rate_is_scheduled_at_once() -> None:
    class Halves:
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = self.model.optimizer.learning_rate / 2
            self.read = self.model.optimizer.learning_rate

    halves = Halves()
    run = FakeRun([adopt(halves)], lr={"": 0.5})
    run.batch_end(loss=0.5)
    assert halves.read == 0.25
    assert list(run.lr.values()) == [0.25]


def test_weights_are_kept_and_put_back() -> None:
    class Restores:
        def on_train_begin(self, logs=None):
            self.kept = self.model.get_weights()

        def on_train_end(self, logs=None):
            self.model.set_weights(self.kept)

    model = FakeModel({"w": [1.0], "b": [2.0]})
    run = FakeRun([adopt(Restores())], model=model)
    run.start()
    model.load({"w": [9.0], "b": [9.0]})
    run.train_end()
    assert {name: list(value) for name, value in model.capture().items()} == {"w": [1.0], "b": [2.0]}


def test_the_models_layers_are_beyond_reach() -> None:
    class Looks:
        def on_train_begin(self, logs=None):
            self.model.layers[0].trainable = False

    with pytest.raises(AdoptedError, match=r"self\.model\.layers.*stop_training"):
        FakeRun([adopt(Looks())]).start()
