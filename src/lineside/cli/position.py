"""Where in a training a checkpoint was made, as it can be read from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from lineside.checkpoints.catalog import Catalog
from lineside.checkpoints.checkpoint import Checkpoint
from lineside.progress import Progress
from lineside.run.saving import STATE
from lineside.store.directory import RunDirectory


@dataclass(frozen=True, slots=True)
class Position:
    """Where in the training a checkpoint was made.

    Attributes:
        checkpoint: its name.
        step: optimizer steps since the start.
        epoch: from 0.
        batch: how many batches of this epoch are over.
        batches: how many an epoch has; 0 in the first, where the steps do not tell it yet.
    """

    checkpoint: str
    step: int
    epoch: int
    batch: int
    batches: int

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Self:
        """Return where a checkpoint was made.

        Raises:
            CheckpointError: it cannot be read (any more).
        """
        progress = Progress()
        progress.load_state_dict(checkpoint.document("state.json")["progress"])
        batches = (progress.step - progress.position) // progress.epoch if progress.epoch else 0
        return cls(checkpoint.name, progress.step, progress.epoch, progress.position, batches)

    @property
    def early_in_epoch(self) -> bool:
        """Whether batches of its epoch are over, and at least half of them are not."""
        return 0 < self.batch <= self.batches // 2


def newest_position(run: RunDirectory) -> Position:
    """Return where the checkpoint was made from which a run would resume.

    Raises:
        CheckpointNotFound: it has none.
    """
    catalog = Catalog(run.checkpoints, run.name)
    newest = catalog.newest_sound(containing=[STATE])
    return Position.of(newest or catalog.find("last"))
