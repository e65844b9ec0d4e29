"""The toy of the contract as a Keras model, for the tests of this folder."""

from __future__ import annotations

import keras
import numpy as np

from lineside.testing import toy


def line(learning_rate=toy.LEARNING_RATE, **options):
    layers = [keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros", name="layer")]
    model = keras.Sequential(layers, name="line")
    model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss="mse", **options)
    return model


def arrays(points):
    return tuple(np.array(column, dtype="float32") for column in zip(*points, strict=True))


def fit(model, callbacks, *, epochs=toy.EPOCHS, **options):
    inputs, targets = arrays(toy.training_points())
    arguments = {
        "batch_size": toy.BATCH_SIZE,
        "shuffle": False,
        "validation_data": arrays(toy.validation_points()),
        "validation_batch_size": toy.BATCH_SIZE,
        "verbose": 0,
    }
    return model.fit(inputs, targets, epochs=epochs, callbacks=callbacks, **{**arguments, **options})
