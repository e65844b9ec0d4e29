"""A training of Lightning that stops early, and may be killed before: ``python -m …killed RUN_DIR``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from lineside.bridges.lightning import lightning
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from lineside.events import Event
from lineside.testing.toy_callbacks import Asks
from tests.frameworks.lightning.line import Line, trainer, training, validation


class Worsens(Line):
    """Its validation is best in the second epoch."""

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("val_loss", float(abs(self.current_epoch - 1)))


def train(run_dir: Path, *more: Any, resume: str | None = None, **options: Any) -> Any:
    """Train for six epochs of twenty, and return the bridge; `options` are those of Lightning's `fit`."""
    callbacks = [EarlyStopping(patience=4), ModelCheckpoint(monitor="val_loss"), ReduceLROnPlateau(patience=1)]
    bridge = lightning([*callbacks, *more], run_dir=run_dir, resume=resume)
    trainer(bridge, max_epochs=20).fit(Worsens(), training(), validation(), **options)
    return bridge


def kill(_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    train(Path(sys.argv[1]), Asks(kill, Event.BATCH_END, epoch=4, batch=2, name="kills"))
