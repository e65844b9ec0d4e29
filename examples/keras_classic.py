"""A monitor, ModelCheckpoint and EarlyStopping in `model.fit`: once with Keras' own classes, once with ours."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import keras
import numpy as np

import lineside
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.model_checkpoint import ModelCheckpoint

FILE = "./checkpoints/model_{epoch:02d}_{val_loss:.2f}.h5"


class TrainingMonitor(keras.callbacks.Callback):
    """Prints the values of each epoch, and warns above 10."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Read the logs of Keras."""
        logs = logs or {}
        shown = ("loss", "accuracy", "val_loss", "val_accuracy")
        print(f"epoch {epoch + 1}:", *(f"{name} {logs[name]:.4f}" for name in shown if name in logs))
        if logs.get("loss", 0.0) > 10:
            print("warning: the loss is above 10")


def train(folder: Path, callbacks: list[Any]) -> tuple[keras.Model, list[int]]:
    """Train the same model on the same data in a folder; return it, and the epochs that were trained."""
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    x = generator.normal(size=(240, 8)).astype("float32")
    y = (x[:, 0] + generator.normal(size=240) > 0).astype("float32")
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    folder.mkdir(exist_ok=True)
    with contextlib.chdir(folder):
        Path("checkpoints").mkdir(exist_ok=True)
        history = model.fit(
            x[:160], y[:160], epochs=50, validation_data=(x[160:], y[160:]), callbacks=callbacks, verbose=0
        )
    return model, history.epoch


theirs, their_epochs = train(
    Path("theirs"),
    [
        TrainingMonitor(),
        keras.callbacks.ModelCheckpoint(FILE, save_best_only=True),
        keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True),
        lineside.keras([]),
    ],
)
ours, our_epochs = train(
    Path("ours"),
    [
        lineside.keras(
            [
                lineside.adopt(TrainingMonitor()),
                ModelCheckpoint(FILE, save_best_only=True),
                EarlyStopping(patience=5, restore_best_weights=True),
            ]
        )
    ],
)

their_best = max(Path("theirs/checkpoints").iterdir())
our_best = max(Path("ours/checkpoints").iterdir())
files = [keras.models.load_model(best) for best in (their_best, our_best)]
print(f"stopped behind epoch {len(their_epochs)} and {len(our_epochs)}; best: {their_best.name} and {our_best.name}")
for one, *others in zip(*(model.get_weights() for model in (theirs, ours, *files)), strict=True):
    print("weights put back, and those of both files, are the same:", all(np.array_equal(one, two) for two in others))
