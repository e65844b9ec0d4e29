"""Defects of Keras' own callbacks, each reproduced, and what happens here instead."""

from __future__ import annotations

import contextlib
import socket
import threading

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="the bridge to Keras needs keras, and a backend for it")

import requests

import lineside
from lineside.bridges.keras import keras as bridge
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.lambda_callback import LambdaCallback
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.errors import LinesideError, MonitorError
from lineside.store.reader import RunReader
from tests.frameworks.keras.line import fit, line
from tests.frameworks.keras.test_failures import Epochs, Fails


def alerts(ours):
    with RunReader.open(ours.run.dir) as records:
        return [str(one.data) for one in records.events("alert")]


def test_a_nan_in_the_first_epoch_does_not_stay_the_best(tmp_path):
    """In Keras' own ModelCheckpoint it does: nothing compares as better than NaN."""
    scores = [float("nan"), 3.0, 2.0]
    told = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(score=scores[epoch]))
    mine = ModelCheckpoint(monitor="score", mode="min")
    peer = keras.callbacks.ModelCheckpoint(
        tmp_path / "peer.weights.h5", monitor="score", mode="min", save_best_only=True, save_weights_only=True
    )
    fit(line(), [told, bridge([mine], run_dir=tmp_path), peer], epochs=3)
    assert mine.best == 2.0
    assert np.isnan(peer.best)


def test_a_misspelt_hook_is_refused():
    """`keras.callbacks.LambdaCallback` takes it, and never calls it."""
    with pytest.raises(LinesideError, match="on_epoch_end"):
        type("Misspelt", (lineside.Callback,), {"on_epoch_ende": lambda self, run: None})
    keras.callbacks.LambdaCallback(on_epoch_ende=lambda *_: None)
    with pytest.raises(LinesideError, match="on_epoch_end"):
        LambdaCallback(on_epoch_ende=lambda run: None)


def test_a_key_that_is_missing_in_a_template_costs_its_file_and_not_the_training(tmp_path):
    """Keras trains a whole epoch, and then ends with a KeyError and without a file."""
    template, seen = str(tmp_path / "{epoch:02d}_{val_acuracy:.2f}.keras"), Epochs()
    ours = bridge([ModelCheckpoint(template)], run_dir=tmp_path)
    fit(line(), [ours], epochs=2)
    assert len(ours.run.history["val/loss"]) == 2
    assert ours.run.checkpoints.last is not None
    assert ["nothing fills {val_acuracy}" in one for one in alerts(ours)] == [True]
    with pytest.raises(KeyError, match="Failed to format"):
        fit(line(), [seen, keras.callbacks.ModelCheckpoint(template)], epochs=2)
    assert seen.epochs == [1]
    assert not list(tmp_path.glob("*.keras"))


def test_a_count_that_is_misspelt_in_a_template_is_refused_at_construction():
    with pytest.raises(LinesideError, match="epohc"):
        ModelCheckpoint("{epohc:02d}.keras")
    keras.callbacks.ModelCheckpoint("{epohc:02d}.keras")


def test_the_best_by_a_metric_that_is_missing_is_an_error_that_lists_what_there_is(tmp_path):
    """Keras warns, and saves every epoch as the best."""
    options = {"monitor": "val_acuracy", "save_best_only": True, "mode": "max"}
    with pytest.raises(MonitorError, match=r"val_acuracy.*val/loss"):
        fit(line(), [bridge([ModelCheckpoint(**options)], run_dir=tmp_path)], epochs=3)
    fit(line(), [keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras", **options)], epochs=3)
    assert len(list(tmp_path.glob("*.keras"))) == 3


class Raises(lineside.Callback):
    def on_epoch_end(self, run):
        raise RuntimeError("a mistake in a callback")


class Ends(lineside.Callback):
    def on_setup(self, run):
        self.seen = []

    def on_train_end(self, run):
        self.seen.append("train_end")

    def on_exception(self, run, error):
        self.seen.append(str(error))

    def on_teardown(self, run):
        self.seen.append("teardown")


def test_a_callback_that_raises_takes_no_end_from_the_others(tmp_path):
    """In Keras none of them sees `on_train_end`, and what it would have closed stays open."""
    ends = Ends()
    fit(line(), [bridge([Raises(), ends], run_dir=tmp_path)], epochs=1)
    assert ends.seen == ["train_end", "teardown"]
    with pytest.raises(RuntimeError, match="a mistake"):
        fit(line(), [bridge([Raises(on_error="raise"), ends], run_dir=tmp_path)], epochs=1)
    assert ends.seen == ["a mistake in a callback", "teardown"]
    theirs = []
    peers = [
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: 1 / 0),
        keras.callbacks.LambdaCallback(on_train_end=lambda logs: theirs.append("train_end")),
    ]
    with pytest.raises(ZeroDivisionError):
        fit(line(), peers, epochs=1)
    assert theirs == []


class Posts(lineside.Callback):
    """Tells a server each epoch, without a timeout, as RemoteMonitor does."""

    background = True

    def __init__(self, url):
        super().__init__(close_timeout=0.1)
        self.url = url

    def on_epoch_end(self, run):
        requests.post(self.url, json={"epoch": run.epoch})


def test_a_server_that_never_answers_holds_nobody_up(tmp_path, monkeypatch, caplog):
    """`keras.callbacks.RemoteMonitor` sends without a timeout, on the training thread: the training hangs with it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        ours, seen = bridge([Posts(url)], run_dir=tmp_path), Epochs()
        fit(line(), [ours, seen], epochs=3)
    assert seen.epochs == [1, 2, 3]
    assert ours.run.closed
    assert "posts" in caplog.text.split("left behind")[1]
    sent = {}
    monkeypatch.setattr(requests, "post", lambda url, *_, **options: sent.update(options))
    fit(line(), [keras.callbacks.RemoteMonitor(root=url)], epochs=1)
    assert (list(sent), threading.current_thread()) == (["headers"], threading.main_thread())


def stop_early(folder, *others, **options):
    """Train with a rate of 0: the first epoch stays the best one, and patience ends the training."""
    seen = Epochs()
    ours = bridge([ModelCheckpoint(), EarlyStopping(patience=4), *others], run_dir=folder, **options)
    with contextlib.suppress(RuntimeError):
        fit(line(0.0), [ours, seen], epochs=20)
    return seen.epochs[-1]


def test_early_stopping_stops_at_the_same_epoch_after_a_resume(tmp_path):
    whole = stop_early(tmp_path / "whole")
    assert stop_early(tmp_path / "cut", Fails(epoch=3)) == 3
    assert stop_early(tmp_path / "cut", resume="auto") == whole == 5


def test_early_stopping_of_keras_stops_at_another_epoch_after_a_resume(tmp_path):
    """The defect of the peer that the test above is about."""

    def train(fails_in=None):
        seen, backup = Epochs(fails_in), keras.callbacks.BackupAndRestore(tmp_path / "backup")
        fit(line(0.0), [backup, keras.callbacks.EarlyStopping(patience=4), seen], epochs=20)
        return seen.epochs[-1]

    with pytest.raises(RuntimeError, match="the power went"):
        train(fails_in=3)
    assert train() == 8
