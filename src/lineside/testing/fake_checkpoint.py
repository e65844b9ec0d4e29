"""A checkpoint that lies in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class FakeCheckpoint:
    """What a `FakeRun` commits when it is asked to save.

    Attributes:
        name: unique within the run.
        path: where the directory of a real checkpoint would lie; nothing is written.
        step: optimizer steps at the save.
        epoch: epoch of the save, from 0.
        tags: the tags of all saves that were asked for at this safe point.
        pins: who keeps it until they pin another one.
        files: the stand-alone weight files asked for with it.
        weights_only: whether all who asked were content with the weights.
        metrics: all metrics at the save.
        state: the run's state, for `FakeRun.resumed`.
    """

    name: str
    path: Path
    step: int
    epoch: int
    tags: Sequence[str]
    pins: Sequence[str]
    files: Sequence[str]
    weights_only: bool
    metrics: Mapping[str, float]
    state: Mapping[str, Any]
