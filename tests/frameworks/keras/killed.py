"""A training that stops early and lowers its rate, for a process that is killed in it."""

from __future__ import annotations

import os
import signal

import lineside
from lineside.bridges.keras import keras as bridge
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from tests.frameworks.keras.line import fit, line

SCORES = (5.0, 4.0, 3.0, 3.5, 3.4, 3.3, 3.2, 3.1, 3.0)
STOPS = 6
"""Behind the epoch, counted from 1, that the patience ends with."""


class Scores(lineside.Callback):
    """Tells a score that is best in epoch 3."""

    def on_train_epoch_end(self, run):
        run.log({"score": SCORES[run.epoch]})


class Killed(lineside.Callback):
    """Kills the process by a signal that nobody can catch, the first time that an event comes in an epoch."""

    def __init__(self, hook, epoch):
        super().__init__()
        self.at = hook, epoch

    def _kill(self, hook, run):
        if (hook, run.epoch) == self.at and run.attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_batch_end(self, run):
        if run.batch == 1:
            self._kill("on_batch_end", run)

    def on_val_batch_end(self, run):
        self._kill("on_val_batch_end", run)

    def on_fit_epoch_end(self, run):
        self._kill("on_fit_epoch_end", run)

    def on_checkpoint(self, run, checkpoint):
        self._kill("on_checkpoint", run)


def train(folder, *more, **options):
    """Train in a folder; return our callback, the model, and the best score that ModelCheckpoint knows."""
    best = {"monitor": "score", "mode": "min"}
    saves = ModelCheckpoint(folder / "best_{epoch:02d}_{score:.1f}.weights.h5", save_best_only=False, **best)
    callbacks = [
        Scores(),
        saves,
        EarlyStopping(patience=3, restore_best_weights=True, **best),
        ReduceLROnPlateau(factor=0.5, patience=1, **best),
        *more,
    ]
    ours, model = bridge(callbacks, run_dir=folder, **options), line()
    fit(model, [ours], epochs=20)
    return ours, model, saves.best
