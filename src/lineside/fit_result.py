"""What a training with the native trainer leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lineside.checkpoints.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class FitResult:
    """What a training leaves.

    Attributes:
        history: values per epoch by canonical name, for the epochs at which each was computed.
        best: the checkpoint tagged ``best``, or None.
        last: the newest checkpoint, or None if none could be saved.
        reason: why it ended, in words.
        run: the run's directory.
        summary: what each callback cost, as a table.
    """

    history: dict[str, list[float]] = field(repr=False)
    best: Checkpoint | None
    last: Checkpoint | None
    reason: str
    run: Path
    summary: str = field(repr=False)
