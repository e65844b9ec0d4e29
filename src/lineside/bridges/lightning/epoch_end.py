"""The place behind everything that Lightning does at the end of an epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightning.pytorch.callbacks import Checkpoint


class EpochEnd(Checkpoint):
    """Stands behind the trainer's callbacks for one end of an epoch, and calls back where the epoch is over.

    Lightning calls ``on_train_epoch_end`` of callbacks before that of the module, whose values would come an epoch
    late; those that are a `Checkpoint` it calls behind. This one is there for that call alone: a callback costs time in
    each batch, and one more `Checkpoint` would change what ``enable_checkpointing`` and ``ckpt_path="best"`` mean.

    Args:
        call: called with the trainer.
    """

    def __init__(self, call: Callable[[Any], None]) -> None:
        super().__init__()
        self._call = call

    def enter(self, trainer: Any) -> None:
        """Take the place; called in the first of Lightning's two rounds."""
        if self not in trainer.callbacks:
            trainer.callbacks.append(self)

    def leave(self, trainer: Any) -> None:
        """Give it up."""
        if self in trainer.callbacks:
            trainer.callbacks.remove(self)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Everything of the epoch is over, its validation and the module's own hook included."""
        self.leave(trainer)
        self._call(trainer)
