"""How far a run is, as people count: epochs from 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from lineside.cli.amounts import count
from lineside.cli.standing import State


@dataclass(frozen=True, slots=True)
class HowFar:
    """Where a run stands in what is planned; None for what is not known.

    Attributes:
        epoch: the epoch that is under way, from 1; of a run that came to its end, the epochs that it has done.
        epochs: that are planned.
        epochs_done: epochs that are over.
        step: optimizer steps that are done.
        steps: that are planned.
    """

    epoch: int | None
    epochs: int | None
    epochs_done: int | None
    step: int | None
    steps: int | None

    @classmethod
    def of(cls, progress: Mapping[str, Any], state: State) -> Self:
        """Return what a run's record tells; nothing in it is trusted."""
        done, epochs, step, steps = (
            value if type(value := progress.get(key)) is int else None
            for key in ("epoch", "total_epochs", "step", "total_steps")
        )
        epoch = done
        if done is not None and state not in ("completed", "stopped"):
            epoch = done + 1 if epochs is None else min(done + 1, epochs)
        return cls(epoch, epochs, done, step, steps)

    @property
    def epoch_text(self) -> str:
        """Return ``5/20``."""
        return _of(self.epoch, self.epochs)

    @property
    def step_text(self) -> str:
        """Return ``1,200/4,800``."""
        return _of(self.step, self.steps)


def _of(done: int | None, planned: int | None) -> str:
    if done is None:
        return ""
    return count(done) if planned is None else f"{count(done)}/{count(planned)}"
