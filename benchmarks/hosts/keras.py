"""Keras on the backend that KERAS_BACKEND names, torch unless set."""

from __future__ import annotations

import os
import tempfile
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np

from benchmarks.hosts.idle import idle
from benchmarks.pace import Exchanged, Turns
from lineside.bridges.keras import keras as bridge

NAME = f"Keras on {keras.backend.backend()}"
BATCHES = 30_000
ONLY_HOOKS = False
HOOKS = ("on_train_batch_begin", "on_train_batch_end")
BATCH = 16
WIDTH = 32


class Nothing(keras.callbacks.Callback):  # type: ignore[misc] # Keras has no types
    """Does nothing."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Be called."""


class Beat(keras.callbacks.Callback):  # type: ignore[misc] # Keras has no types
    """Tells the pace of batches that are over."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._ended = turns.batch_ended

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """A batch is over."""
        self._ended()


def train(turns: Turns) -> None:
    """Train an epoch."""
    layers = [keras.layers.Dense(WIDTH, "relu"), keras.layers.Dense(WIDTH, "relu"), keras.layers.Dense(10)]
    model = keras.Sequential([keras.Input((WIDTH,)), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.01, momentum=0.9), loss=loss)
    random = np.random.default_rng(0)
    inputs = random.normal(size=(BATCH * turns.batches, WIDTH)).astype("float32")
    targets = random.integers(0, 10, BATCH * turns.batches)
    with tempfile.TemporaryDirectory() as directory:
        measured = bridge(idle(), run_dir=directory)
        turns.watch(Exchanged(measured, HOOKS, Nothing()))
        model.fit(
            inputs, targets, batch_size=BATCH, epochs=1, shuffle=False, verbose=0, callbacks=[measured, Beat(turns)]
        )
