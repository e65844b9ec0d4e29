"""Whether a run stalls: what its record proves, and for how long it has proven nothing new."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from lineside.store.run_record import RunRecord

State = Literal["well", "silent", "still"]
_FIRST_BATCH: Final = 3.0
"""The first batch of an attempt may compile, read the data for the first time, or wait for other machines."""
_MORE_THAN_BEFORE: Final = 2.0
"""What a run has come back from once, a long validation or a slow disk, is no stall the second time."""
_GAP: Final = 30.0
"""Seconds between two looks after which the first one counts for nothing: we were stopped ourselves."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen of a run.

    Attributes:
        state: ``silent`` where its process has written nothing for long: it is stopped, or its disk hangs; ``still``
            where the process lives and its training thread moves nothing; ``well`` otherwise, and in a pause.
        seconds: for how long.
        stage: what the training thread was doing.
        at: where it stands, the innermost line first.
    """

    state: State
    seconds: float = 0.0
    stage: str = "train"
    at: tuple[str, ...] = ()


class Heartbeat:
    """Looks at the record of one run again and again.

    Times of the record are compared with each other alone, and what passes between two looks is measured here: the
    clock of the run's machine may be another.

    Args:
        stalled_after: seconds without a movement of the training thread.
        silent_after: seconds without a new record.
        clock: seconds that only ever grow.
    """

    def __init__(self, stalled_after: float, silent_after: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._stalled_after = stalled_after
        self._silent_after = silent_after
        self._clock = clock
        self._looked = clock()
        self._updated: float | None = None
        self._heard = self._looked
        self._longest = 0.0
        self._last = Seen("well")

    def look(self, record: RunRecord) -> Seen:
        """Return what a record that was just read proves."""
        now = self._clock()
        if now - self._looked > _GAP:
            self._heard = now
        self._looked = now
        if record.updated != self._updated:
            self._updated, self._heard = record.updated, now
        silence = now - self._heard
        pulse = record.pulse
        stage = str(pulse.get("stage", "train"))
        quiet = max(0.0, record.updated - _number(pulse.get("moved"), record.updated))
        if silence >= self._silent_after:
            seen = Seen("silent", silence, stage)
        elif not pulse.get("paused") and quiet >= self._patience(begun=bool(pulse.get("begun"))):
            seen = Seen("still", quiet + silence, stage, _lines(pulse.get("at")))
        else:
            seen = Seen("well", quiet, stage)
        if self._last.state == "still" and seen.state == "well":
            self._longest = max(self._longest, self._last.seconds)
        self._last = seen
        return seen

    def _patience(self, *, begun: bool) -> float:
        allowed = self._stalled_after * (1.0 if begun else _FIRST_BATCH)
        return max(allowed, self._longest * _MORE_THAN_BEFORE)


def _number(value: Any, otherwise: float) -> float:
    return float(value) if isinstance(value, (int, float)) else otherwise


def _lines(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()
