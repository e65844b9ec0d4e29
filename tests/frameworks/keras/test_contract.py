"""Keras runs the suite that every host runs, on the backend that KERAS_BACKEND names."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", reason="the bridge to Keras needs keras, and a backend for it")

import numpy as np

from lineside.bridges.keras import keras as bridge
from lineside.events import Event
from lineside.testing import HostContract, toy


def line():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(optimizer=keras.optimizers.SGD(toy.LEARNING_RATE), loss="mse")
    return model


def arrays(points):
    return tuple(np.array(column, dtype="float32") for column in zip(*points, strict=True))


# Keras on torch, and its own dependencies, stand on deprecated parts of NumPy and of each other.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning:keras")
class TestKeras(HostContract):
    lacking = frozenset({Event.BACKWARD_END, Event.EXPORT_START, Event.EXPORT_END})

    def fit(self, callbacks, *, epochs, **options):
        inputs, targets = arrays(toy.training_points())
        line().fit(
            inputs,
            targets,
            batch_size=toy.BATCH_SIZE,
            epochs=epochs,
            shuffle=False,
            validation_data=arrays(toy.validation_points()),
            validation_batch_size=toy.BATCH_SIZE,
            callbacks=[bridge(callbacks, **options)],
            verbose=0,
        )

    def predict(self, callbacks, **options):
        inputs, _ = arrays(toy.validation_points())
        line().predict(inputs, batch_size=toy.BATCH_SIZE, callbacks=[bridge(callbacks, **options)], verbose=0)
