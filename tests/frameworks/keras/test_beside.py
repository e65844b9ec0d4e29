"""Keras' own callbacks go on working beside ours, and get what ours log."""

from __future__ import annotations

import csv
import importlib
import threading
from importlib.util import find_spec

import pytest

keras = pytest.importorskip("keras", reason="the bridge to Keras needs keras, and a backend for it")

import lineside
from lineside.bridges.keras import keras as bridge
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.errors import OptionError
from lineside.testing import toy
from tests.frameworks.keras.line import arrays, fit, line


class Score(lineside.Callback):
    def on_train_epoch_end(self, run):
        run.log({"score": 10.0 + run.epoch})


class Batches(lineside.Callback):
    """Keeps the order of batch ends, and the threads that they come on."""

    def on_setup(self, run):
        self.seen, self.threads = [], set()

    def _keep(self, run):
        self.seen.append((run.stage, run.batch))
        self.threads.add(threading.get_ident())

    def on_batch_end(self, run):
        self._keep(run)

    def on_val_batch_end(self, run):
        self._keep(run)

    def on_predict_batch_end(self, run):
        self._keep(run)


def test_what_others_put_into_the_logs_of_a_batch_is_theirs(tmp_path):
    ours = bridge([EarlyStopping(patience=9)], run_dir=tmp_path)
    behind = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: logs.update(loss=99.0, own=1.0))
    fit(line(), [ours, behind], epochs=1)
    assert set(ours.run.batch_metrics) == {"train/loss"}
    assert ours.run.batch_metrics["loss"] < 99.0


def test_loggers_and_stoppers_of_keras(tmp_path):
    def stops_in(epoch, logs):
        ours.model.stop_training = epoch == 1

    ours = bridge([Score(), EarlyStopping(patience=9)], run_dir=tmp_path)
    beside = [
        ours,
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.ReduceLROnPlateau("score", mode="min", patience=1, factor=0.5),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.LambdaCallback(on_epoch_end=stops_in),
    ]
    history = fit(line(), beside, epochs=5).history
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["score"]) for row in rows] == history["score"] == [10.0, 11.0]
    assert history["val_loss"] == pytest.approx(ours.run.history["val/loss"])
    assert ours.run.history["lr"] == pytest.approx([toy.LEARNING_RATE] * 2)
    assert float(ours.model.optimizer.learning_rate) == pytest.approx(toy.LEARNING_RATE / 2), "it follows our score"
    assert ours.run.reason == "keras ended the training"


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="Keras' TensorBoard writes with TensorFlow")
def test_tensorboard_of_keras_draws_what_ours_log(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = keras.callbacks.TensorBoard(tmp_path / "board", write_graph=False)
    fit(line(), [bridge([Score()], run_dir=tmp_path / "runs"), board], epochs=2)
    written = EventAccumulator(str(tmp_path / "board" / "train")).Reload()
    assert {"epoch_loss", "epoch_score"} <= set(written.Tags()["tensors"])


def test_batch_ends_come_in_order_on_the_thread_that_trains(tmp_path):
    """Keras may hand them to a pool of threads, where all callbacks say that they are safe there."""

    class Anywhere(keras.callbacks.Callback):
        async_safe = True

        def on_train_batch_end(self, batch, logs=None):
            pass

    batches, model = Batches(), line()
    ours = bridge([batches], run_dir=tmp_path)
    fit(model, [Anywhere(), ours], epochs=1)
    right = [("train", batch) for batch in range(toy.BATCHES)] + [("val", batch) for batch in range(toy.VAL_BATCHES)]
    assert (batches.seen, batches.threads) == (right, {threading.get_ident()})
    model.predict(
        arrays(toy.validation_points())[0], batch_size=toy.BATCH_SIZE, callbacks=[Anywhere(), ours], verbose=0
    )
    assert batches.seen == [("predict", batch) for batch in range(toy.VAL_BATCHES)]
    assert batches.threads == {threading.get_ident()}


def test_a_model_of_keras_2_is_refused():
    legacy = type("Sequential", (), {"__module__": "tf_keras.src.engine.sequential"})()
    with pytest.raises(OptionError, match=r"got a tf_keras\.src\..*Sequential.*unset it"):
        bridge([]).set_model(legacy)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="it is about TensorFlow")
def test_tf_keras_is_keras(tmp_path):
    import tensorflow as tf

    model = tf.keras.Sequential([tf.keras.Input((1,)), tf.keras.layers.Dense(1)])
    model.compile(optimizer=tf.keras.optimizers.SGD(0.1), loss="mse")
    ours, told = bridge([Score()], run_dir=tmp_path), []
    fit(model, [ours, tf.keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: told.append(logs))], epochs=1)
    assert (told[0]["score"], ours.run.history["val/loss"]) == (10.0, [pytest.approx(told[0]["val_loss"])])


@pytest.mark.parametrize("version", ["3.4.1", "2.15.0"])
def test_another_version_is_refused_with_what_to_install(monkeypatch, version):
    monkeypatch.setattr(importlib.import_module("keras"), "__version__", version)
    with pytest.raises(OptionError, match=rf"keras {version} is too old.*3\.5 and later: pip install"):
        bridge([])
