"""Train a Keras model with callbacks of Lineside; started again after a kill, it goes on. Runs on every backend."""

from __future__ import annotations

import keras
import numpy as np

import lineside
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.model_checkpoint import ModelCheckpoint

generator = np.random.default_rng(0)
x = generator.normal(size=(400, 4)).astype("float32")
y = (x.sum(axis=1) > 0).astype("float32")

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")])
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])

callbacks = [
    ModelCheckpoint("models/best_{epoch:02d}_{val_loss:.2f}.keras", save_best_only=True),
    EarlyStopping(patience=5, restore_best_weights=True),
]
ours = lineside.keras(callbacks, name="keras", resume="auto")
model.fit(x[:320], y[:320], validation_data=(x[320:], y[320:]), epochs=8, callbacks=[ours], verbose=0)

print(ours.run.reason, ours.run.dir)
print("best val/loss:", callbacks[0].best)
