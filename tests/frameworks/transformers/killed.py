"""A training of Hugging Face that stops early, and may be killed before: ``python -m …killed PLACE``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from lineside.bridges.transformers import transformers
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from lineside.events import Event
from lineside.testing.toy_callbacks import Asks
from tests.frameworks.transformers.line import InOrder, trainer


class Worsens(InOrder):
    """Its evaluation is best in the second epoch."""

    def evaluate(self, *arguments: Any, **options: Any) -> Any:
        return {**super().evaluate(*arguments, **options), "eval_loss": abs(float(self.state.epoch) - 2)}


def train(place: Path, *more: Any, resume: str | None = None, by_itself: Any = None) -> Any:
    """Train for six epochs of twenty, and return the bridge; `by_itself` is Hugging Face's own resume."""
    callbacks = [EarlyStopping(patience=4), ModelCheckpoint(monitor="val_loss"), ReduceLROnPlateau(patience=1)]
    bridge = transformers([*callbacks, *more], run_dir=place / "runs", resume=resume)
    made = trainer(place, bridge, kind=Worsens, num_train_epochs=20, lr_scheduler_type="linear")
    made.train(resume_from_checkpoint=by_itself)
    return bridge


def kill(_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    train(Path(sys.argv[1]), Asks(kill, Event.BATCH_END, epoch=4, batch=2, name="kills"))
