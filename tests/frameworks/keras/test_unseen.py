"""Batches that nobody looks at: what Keras' own callbacks see of the run in each of them."""

from __future__ import annotations

from threading import Thread

import pytest

keras = pytest.importorskip("keras", reason="the bridge to Keras needs keras, and a backend for it")

import lineside
from lineside.bridges.keras import keras as bridge
from lineside.store.reader import RunReader
from lineside.testing import toy
from tests.frameworks.keras.line import fit, line


class Idle(lineside.Callback):
    def on_epoch_end(self, run):
        pass


class Reads(keras.callbacks.Callback):
    def __init__(self, ours):
        super().__init__()
        self.ours, self.seen = ours, []

    def on_train_batch_end(self, batch, logs=None):
        logs["mine"] = 1.0
        self.seen.append((self.ours.run.step, self.ours.run.batches_done, self.ours.run.batch))


class Stops(keras.callbacks.Callback):
    def __init__(self, ours, at):
        super().__init__()
        self.ours, self.at = ours, at

    def on_train_batch_end(self, batch, logs=None):
        if batch == self.at:
            self.ours.run.stop("that was enough")


def series(run):
    with RunReader.open(run.dir) as reader:
        assert [name for name in reader.metric_names() if name.startswith("batch/")] == ["batch/loss"]
        return list(reader.series("batch/loss").steps)


def test_counters_are_right_wherever_they_are_read(tmp_path):
    ours = bridge([Idle()], run_dir=tmp_path)
    reads = Reads(ours)
    fit(line(), [ours, reads], epochs=2)
    ends = range(1, 2 * toy.BATCHES + 1)
    assert [one[:2] for one in reads.seen] == [(end, end) for end in ends]
    # The next batch has begun by itself.
    assert [one[2] for one in reads.seen] == [1 + (end - 1) % toy.BATCHES for end in ends]
    assert series(ours.run) == list(ends)


def test_accumulated_gradients_are_one_step(tmp_path):
    ours, model = bridge([Idle()], run_dir=tmp_path), line()
    model.compile(optimizer=keras.optimizers.SGD(0.1, gradient_accumulation_steps=2), loss="mse")
    fit(model, [ours], epochs=2)
    assert (ours.run.step, ours.run.batches_done) == (toy.BATCHES, 2 * toy.BATCHES)
    assert series(ours.run) == [0, 1, 1, 2, 2, 3, 3, 4]


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="on torch Keras makes one step an execution")
@pytest.mark.parametrize(("per_execution", "steps"), [(2, [2, 4, 6, 8]), (4, [4, 8]), (3, [3, 4, 7, 8])])
def test_several_steps_in_one_execution(tmp_path, per_execution, steps):
    ours = bridge([Idle()], run_dir=tmp_path)
    fit(line(steps_per_execution=per_execution), [ours], epochs=2)
    assert (ours.run.step, ours.run.batches_done) == (2 * toy.BATCHES, 2 * toy.BATCHES)
    assert series(ours.run) == steps


@pytest.mark.parametrize("at", [0, 2])
def test_a_stop_that_a_callback_before_ours_asks_for_is_applied_in_its_batch(tmp_path, at):
    ours = bridge([Idle()], run_dir=tmp_path)
    fit(line(), [Stops(ours, at), ours], epochs=2)
    assert (ours.run.step, ours.run.reason) == (at + 1, "that was enough")


def test_a_callback_serves_a_training_that_somebody_looks_at_after_one_that_nobody_did(tmp_path):
    class Looks(lineside.Callback):
        def on_setup(self, run):
            self.ends = 0

        def on_batch_end(self, run):
            self.ends += 1

    ours, looks = bridge([Idle()], run_dir=tmp_path), Looks()
    fit(line(), [ours], epochs=1)
    ours.callbacks.append(looks)
    fit(line(), [ours], epochs=1)
    assert looks.ends == toy.BATCHES
    ours.callbacks.remove(looks)
    fit(line(), [ours], epochs=1)
    assert ours.run.batches_done == toy.BATCHES


def test_a_training_that_was_left_in_another_thread_loses_nothing(tmp_path):
    class Leaves(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise RuntimeError("boom")

    ours = bridge([Idle()], run_dir=tmp_path)

    def leave():
        with pytest.raises(RuntimeError, match="boom"):
            fit(line(), [ours, Leaves()], epochs=1)

    thread = Thread(target=leave)
    thread.start()
    thread.join()
    run = ours.run
    fit(line(), [ours], epochs=1)
    assert run.closed
    assert run.step == 3
    assert series(run) == [1, 2, 3]
