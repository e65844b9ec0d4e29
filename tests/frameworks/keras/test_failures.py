"""However `fit` ends, callbacks see the end, and what can go on goes on."""

from __future__ import annotations

import contextlib
import sys

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="the bridge to Keras needs keras, and a backend for it")

import lineside
from lineside.bridges.keras import keras as bridge
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.errors import StateMismatch
from lineside.store.directory import RunDirectory
from lineside.testing import toy
from lineside.testing.trace import TraceRecorder
from tests.frameworks.keras.line import arrays, fit, line
from tests.frameworks.keras.process import run


class Epochs(keras.callbacks.Callback):
    """Notes the epochs, and fails in the middle of one."""

    def __init__(self, fails_in=None):
        super().__init__()
        self.epochs = []
        self.fails_in = fails_in

    def on_train_batch_end(self, batch, logs=None):
        if len(self.epochs) == self.fails_in and batch == 1:
            raise RuntimeError("the power went")

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(epoch + 1)


class Ends(lineside.Callback):
    def __init__(self, ends):
        super().__init__()
        self.ends = ends

    def on_exception(self, run, error):
        self.ends.append(str(error))

    def on_teardown(self, run):
        self.ends.append("teardown")


class Fails(lineside.Callback):
    """Fails in the second batch of an epoch; as one of ours it closes the run."""

    def __init__(self, epoch):
        super().__init__(on_error="raise")
        self.epoch = epoch

    def on_batch_end(self, run):
        if (run.epoch, run.batch) == (self.epoch, 1):
            raise RuntimeError("the power went")


class Broken(keras.Sequential):
    def train_step(self, *arguments):
        raise RuntimeError("the step broke")

    def test_step(self, *arguments):
        raise RuntimeError("the test broke")


def broken():
    model = Broken([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    return model


def status(ours):
    return RunDirectory.open(ours.run.dir).status()


def test_sigterm_leaves_a_run_that_goes_on_as_if_nothing_had_been(tmp_path):
    script = """
        import os, signal, sys, lineside
        from lineside.bridges.keras import keras as bridge
        from lineside.callbacks.model_checkpoint import ModelCheckpoint
        from tests.frameworks.keras.line import fit, line

        class Terminated(lineside.Callback):
            def on_batch_end(self, run):
                if run.step == 6:
                    os.kill(os.getpid(), signal.SIGTERM)

        fit(line(), [bridge([ModelCheckpoint(), Terminated()], run_dir=sys.argv[1])], epochs=4)
        print("not stopped")
    """
    ended = run(script, tmp_path)
    assert ended.returncode == 143, ended.stderr
    assert "not stopped" not in ended.stdout
    rest, whole = line(), line()
    again = bridge([ModelCheckpoint()], run_dir=tmp_path, resume="auto")
    seen = Epochs()
    fit(rest, [again, seen], epochs=4)
    fit(whole, [], epochs=4)
    assert seen.epochs == [2, 3, 4]
    assert status(again) == "completed"
    for one, other in zip(rest.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_failing_train_step_reaches_on_exception(tmp_path):
    recorder = TraceRecorder()
    model, ours, hook = broken(), bridge([recorder], run_dir=tmp_path), sys.excepthook
    with pytest.raises(RuntimeError, match="the step broke"):
        fit(model, [ours])
    assert recorder.events[-2:] == ["on_exception", "on_teardown"]
    assert status(ours) == "failed"
    assert sys.excepthook is hook
    assert getattr(model.train_function, "__name__", "") != "watched"


def test_a_failing_evaluation_reaches_on_exception(tmp_path):
    recorder = TraceRecorder()
    ours = bridge([recorder], run_dir=tmp_path)
    inputs, targets = arrays(toy.validation_points())
    with pytest.raises(RuntimeError, match="the test broke"):
        broken().evaluate(inputs, targets, callbacks=[ours], verbose=0)
    assert recorder.events[-2:] == ["on_exception", "on_teardown"]


def test_a_callback_of_keras_that_raises_is_known_by_the_next_training(tmp_path):
    """Keras skips all its ends of training then; the run before is closed with its end hooks."""
    ours, hook = bridge([Ends(ends := [])], run_dir=tmp_path), sys.excepthook
    with pytest.raises(RuntimeError, match="the power went"):
        fit(line(), [ours, Epochs(fails_in=0)], epochs=1)
    first = ours.run.dir
    assert ends == []
    fit(line(), [ours], epochs=1)
    assert ends == ["fit was left before its end", "teardown", "teardown"]
    assert RunDirectory.open(first).status() == "failed"
    assert status(ours) == "completed"
    assert sys.excepthook is hook


def test_a_process_that_ends_after_a_failure_closes_the_run(tmp_path):
    script = """
        import sys, lineside
        from lineside.bridges.keras import keras as bridge
        from tests.frameworks.keras.line import fit, line
        from tests.frameworks.keras.test_failures import Epochs

        class Last(lineside.Callback):
            def on_exception(self, run, error):
                print("seen:", error)

        try:
            fit(line(), [bridge([Last()], run_dir=sys.argv[1]), Epochs(fails_in=0)], epochs=1)
        except RuntimeError:
            print("caught")
    """
    ended = run(script, tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["caught", "seen: fit was left before its end, and the process ended"]
    assert [RunDirectory.open(one).status() for one in (tmp_path / "default").iterdir()] == ["failed"]


def test_a_run_that_is_over_is_not_trained_on(tmp_path):
    ours = bridge([ModelCheckpoint()], run_dir=tmp_path)
    fit(line(), [ours], epochs=2)
    seen, again = Epochs(), bridge([ModelCheckpoint()], run_dir=tmp_path, resume=ours.run.name)
    fit(line(), [again, seen], epochs=2)
    assert seen.epochs == []


def test_another_model_is_refused(tmp_path):
    with pytest.raises(RuntimeError, match="the power went"):
        fit(line(), [bridge([ModelCheckpoint(), Fails(epoch=1)], run_dir=tmp_path)], epochs=2)
    other = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2), keras.layers.Dense(1)])
    other.compile(optimizer="sgd", loss="mse")
    with pytest.raises(StateMismatch, match="nothing was changed"):
        fit(other, [bridge([ModelCheckpoint()], run_dir=tmp_path, resume="auto")], epochs=2)


class Unbuilt(keras.Model):
    """Keras on TensorFlow builds it in the first step."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, inputs):
        return self.dense(inputs)


def unbuilt():
    model = Unbuilt()
    model.compile(optimizer="sgd", loss="mse")
    return model


def test_a_model_that_is_not_built_yet_is_trained_and_resumed_when_it_is(tmp_path):
    with contextlib.suppress(RuntimeError):
        fit(unbuilt(), [bridge([ModelCheckpoint(), Fails(epoch=1)], run_dir=tmp_path)], epochs=2)
    again = bridge([ModelCheckpoint()], run_dir=tmp_path, resume="auto")
    if keras.backend.backend() == "tensorflow":
        with pytest.raises(StateMismatch, match=r"is not built\. Give it an Input layer, or call it on a batch before"):
            fit(unbuilt(), [again], epochs=2)
    model = unbuilt()
    model(arrays(toy.training_points())[0])
    again = bridge([ModelCheckpoint()], run_dir=tmp_path, resume="auto")
    fit(model, [again], epochs=2)
    assert (again.run.attempt > 1, status(again)) == (True, "completed")
