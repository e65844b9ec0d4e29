"""What callbacks do in `model.fit` takes effect."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="the bridge to Keras needs keras, and a backend for it")

import lineside
from lineside.bridges.keras import keras as bridge
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.store.reader import RunReader
from lineside.testing import toy
from tests.frameworks.keras.line import arrays, fit, line


class Steps(lineside.Callback):
    def on_setup(self, run):
        self.steps, self.batches = [], []

    def on_batch_end(self, run):
        self.steps.append(run.step)
        self.batches.append(run.batches_done)


class Weights(lineside.Callback):
    needs = frozenset({"model"})

    def on_setup(self, run):
        self.seen = []

    def on_batch_end(self, run):
        self.seen.append(np.concatenate([run.model.values(tensor) for _, tensor in run.model.parameters()]))


class Score(lineside.Callback):
    def on_train_epoch_end(self, run):
        run.log({"score": 10.0 + run.epoch})


class GoesBack(lineside.Callback):
    """Asks for the weights of the first step's end in the third step."""

    needs = frozenset({"restore"})

    def on_batch_end(self, run):
        if run.step == 1:
            run.save("first", pin="goes-back")
        if run.step == 3:
            run.restore("goes-back")


def flat(model):
    return np.concatenate([weights.ravel() for weights in model.get_weights()])


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="on torch Keras makes one step an execution")
@pytest.mark.parametrize(("per_execution", "steps"), [(2, [2, 4, 6, 8]), (4, [4, 8]), (3, [3, 4, 7, 8])])
def test_several_steps_in_one_execution(tmp_path, per_execution, steps):
    seen = Steps()
    fit(line(steps_per_execution=per_execution), [bridge([seen], run_dir=tmp_path)], epochs=2)
    assert seen.steps == steps
    assert seen.batches == steps


def test_accumulated_gradients_are_one_step(tmp_path):
    seen, model = Steps(), line()
    model.compile(optimizer=keras.optimizers.SGD(0.1, gradient_accumulation_steps=2), loss="mse")
    fit(model, [bridge([seen], run_dir=tmp_path)], epochs=1)
    assert (seen.steps, seen.batches) == ([0, 1, 1, 2], [1, 2, 3, 4])


def test_weights_are_those_of_the_moment(tmp_path):
    """On JAX the trainer has them, and the model gets them when somebody asks."""
    seen, model = Weights(), line()
    fit(model, [bridge([seen], run_dir=tmp_path)], epochs=1)
    assert len({tuple(weights) for weights in seen.seen}) == toy.BATCHES
    assert sorted(seen.seen[-1]) == pytest.approx(sorted(flat(model)))


def test_weights_that_are_restored_are_those_that_are_trained_on(tmp_path):
    back, seen = GoesBack(), Weights()
    fit(line(), [bridge([back, seen], run_dir=tmp_path)], epochs=1)
    plain = Weights()
    fit(line(), [bridge([plain], run_dir=tmp_path)], epochs=1)
    assert seen.seen[2] == pytest.approx(plain.seen[2])
    assert not np.allclose(seen.seen[3], plain.seen[3])


def test_the_best_weights_are_put_back(tmp_path):
    best, after, model = ModelCheckpoint(), EarlyStopping(patience=1, restore_best_weights=True), line(5.0)
    first = line(5.0)
    fit(first, [], epochs=1)
    fit(model, [bridge([best, after], run_dir=tmp_path)], epochs=9)
    assert flat(model) == pytest.approx(flat(first))


def test_what_callbacks_log_reaches_the_history_of_keras(tmp_path):
    history = fit(line(), [bridge([Score()], run_dir=tmp_path)], epochs=2).history
    assert history["score"] == [10.0, 11.0]


def test_callbacks_of_keras_go_on_working_beside_ours(tmp_path):
    class Rates(lineside.Callback):
        def on_batch_start(self, run):
            rates.append(run.lr["0"])

        def on_epoch_end(self, run):
            extra.append(run.metrics["extra"])

    rates, extra = [], []
    ours = bridge([Rates(), Score()], run_dir=tmp_path)
    fit(
        line(),
        [
            keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(extra=100.0 + epoch)),
            keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / 2**epoch),
            ours,
            keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        ],
        epochs=2,
    )
    assert rates == pytest.approx([0.1] * toy.BATCHES + [0.05] * toy.BATCHES)
    assert extra == [100.0, 101.0]
    assert "score" in (tmp_path / "log.csv").read_text().splitlines()[0]


def test_evaluate_and_predict_after_fit_belong_to_its_run(tmp_path):
    class Stages(lineside.Callback):
        def on_test_end(self, run):
            stages.append(("test", run.dir, run.metrics["test/loss"]))

        def on_predict_end(self, run):
            stages.append(("predict", run.dir, None))

    stages, model, ours = [], line(), bridge([Stages()], run_dir=tmp_path)
    fit(model, [ours], epochs=1)
    trained = ours.run.dir
    inputs, targets = arrays(toy.validation_points())
    loss = model.evaluate(inputs, targets, callbacks=[ours], verbose=0)
    model.predict(inputs, callbacks=[ours], verbose=0)
    assert stages == [("test", trained, pytest.approx(loss)), ("predict", trained, None)]


def test_a_schedule_of_the_optimizer_stays_in_charge(tmp_path):
    class Sets(lineside.Callback):
        def on_batch_end(self, run):
            if run.step == 1:
                run.set_lr(0.5)
            rates.append(run.lr["0"])
            kinds.append(tuple(run.schedulers))

    rates, kinds = [], []
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=1, decay_rate=0.5)
    ours = bridge([Sets()], run_dir=tmp_path)
    fit(line(schedule), [ours], epochs=1)
    with RunReader.open(ours.run.dir) as records:
        (asked,) = records.requests()
    assert (asked.request.kind.word, asked.outcome.applied) == ("set_lr", False)
    assert "follows the schedule ExponentialDecay" in asked.outcome.detail
    assert rates == pytest.approx([0.05, 0.025, 0.0125, 0.00625])
    assert set(kinds) == {("ExponentialDecay",)}
