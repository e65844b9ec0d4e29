from __future__ import annotations

import pytest

from lineside.adopted import adopt
from lineside.control import Kind
from lineside.errors import AttachError, CallbackDefinitionError
from lineside.events import Event
from lineside.ports import Capabilities
from lineside.run.attach import attach
from lineside.testing import CallbackContract, FakeRun


class Recorder:
    """Keeps what its hooks are given."""

    def __init__(self):
        self.seen = []

    def on_train_begin(self, logs=None):
        self.seen.append(("train_begin", dict(self.params), logs))

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append(("epoch_begin", epoch, logs))

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(("batch_end", batch, dict(logs)))

    def on_test_end(self, logs=None):
        self.seen.append(("test_end", logs))

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(("epoch_end", epoch, logs))

    def on_train_end(self, logs=None):
        self.seen.append(("train_end", logs))


class Patience:
    """Stops when the loss of validation has not fallen; begins anew in each training, as callbacks of Keras do."""

    def on_train_begin(self, logs=None):
        self.best = None

    def on_epoch_end(self, epoch, logs=None):
        value = (logs or {}).get("val_loss")
        if self.best is None or (value is not None and value < self.best):
            self.best = value
        else:
            self.model.stop_training = True

    def get_state(self):
        return {"best": self.best}

    def set_state(self, state):
        self.best = state["best"]


class TestContract(CallbackContract):
    inline_only = True

    def make(self, **options):
        return adopt(Patience(), **options)


def test_hooks_get_what_keras_gives() -> None:
    recorder = Recorder()
    run = FakeRun([adopt(recorder)], batches=1, epochs=1)
    run.epoch_end(loss=0.5, accuracy=0.75, val_loss=0.6, val_accuracy=0.7)
    run.train_end()
    values = {"loss": 0.5, "accuracy": 0.75, "val_loss": 0.6, "val_accuracy": 0.7}
    assert recorder.seen == [
        ("train_begin", {"epochs": 1, "steps": 1, "verbose": 0}, {}),
        ("epoch_begin", 0, {}),
        ("batch_end", 0, {"loss": 0.5, "accuracy": 0.75}),
        ("test_end", {"loss": 0.6, "accuracy": 0.7}),
        ("epoch_end", 0, values),
        ("train_end", values),
    ]


def test_a_host_without_tests_lacks_nothing() -> None:
    tests = {event for event in Event if event.hook.startswith("on_test_")}
    callback = adopt(Recorder())
    assert tests & callback.hooks().keys()
    assert attach([callback], "transformers", Capabilities(frozenset(Event) - tests, frozenset())) == [callback]


def test_a_host_without_the_point_refuses_it() -> None:
    lacking = Capabilities(frozenset(Event) - {Event.VAL_END}, frozenset())
    with pytest.raises(AttachError, match=r"keras-recorder.*on_val_end"):
        attach([adopt(Recorder())], "mine", lacking)


def test_given_arguments_are_params() -> None:
    recorder = Recorder()
    FakeRun([adopt(recorder, arguments={"verbose": 2})]).start()
    assert recorder.seen[0][1]["verbose"] == 2


def test_setters_are_called_where_there_are_some() -> None:
    class Sets:
        def set_model(self, model):
            self.mine = model

        def set_params(self, params):
            self.given = params

        def on_train_end(self, logs=None):
            self.mine.stop_training = True

    sets = Sets()
    run = FakeRun([adopt(sets)]).play(1)
    assert sets.given["epochs"] == 1
    assert run.requests[-1].kind is Kind.STOP


def test_functions_under_the_names_of_hooks() -> None:
    seen = []
    callback = adopt({"on_epoch_end": lambda epoch, logs: seen.append((epoch, logs["loss"]))})
    FakeRun([callback]).epoch_end(loss=0.5)
    assert seen == [(0, 0.5)]


def test_what_is_added_to_the_logs_is_logged() -> None:
    def on_epoch_end(epoch, logs):
        logs["gap"] = logs["val_loss"] - logs["loss"]
        logs["learning_rate"] = 3.0

    run = FakeRun([adopt(on_epoch_end)])
    run.epoch_end(loss=0.5, val_loss=0.75)
    assert run.metrics["gap"] == 0.25
    assert "learning_rate" not in run.metrics


def test_the_training_hook_takes_the_place_of_the_old_name() -> None:
    class Both:
        def __init__(self):
            self.seen = []

        def on_batch_end(self, batch, logs=None):
            self.seen.append("old")

        def on_train_batch_end(self, batch, logs=None):
            self.seen.append("new")

    both = Both()
    FakeRun([adopt(both)], batches=1).epoch_end(loss=0.5)
    assert both.seen == ["new"]


def test_a_hook_that_keras_does_not_have_is_refused() -> None:
    class Misspelt:
        def on_epoch_ends(self, epoch, logs=None):
            pass

    with pytest.raises(CallbackDefinitionError, match=r"Misspelt\.on_epoch_ends.*Did you mean 'on_epoch_end'"):
        adopt(Misspelt())
