"""The pulse of a run: what its training thread does, as another thread sees it without asking.

That the record of a run is written proves that its process lives, and nothing more: a training that waits for ever in a
collective, or for a loader, lets the threads beside it go on. So the thread that writes the record looks whether the
counters move, and where the training thread stands when they do not. The training pays nothing for it.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from lineside.run.run import Run

QUIET: Final = 20.0
"""Seconds without a movement after which it is looked where the training thread stands."""
_FRAMES: Final = 8
"""Of a stack, the innermost that are kept."""


class Pulse:
    """Looks at a run's training thread, which is the thread that makes this object.

    Args:
        run: the run.
        clock: seconds since 1970.
    """

    def __init__(self, run: Run, clock: Callable[[], float] = time.time) -> None:
        self._run = run
        self._clock = clock
        self._thread = threading.get_ident()
        self._last: object = None
        self._moved = clock()
        self._begun = False

    def look(self) -> dict[str, Any]:
        """Return what is seen now.

        Returns:
            ``moved``, when a counter moved last, in seconds since 1970; ``stage``, such as ``train`` or ``val``;
            ``begun``, whether this attempt has come beyond its first batch, which may compile for long; ``paused``;
            and, where nothing moves, ``at``: the innermost lines of the training thread's stack.
        """
        run, progress = self._run, self._run.progress
        seen = (run.stage, run.batch, progress.epoch, progress.step, progress.batches_done, progress.phase)
        now, paused = self._clock(), run.points.paused
        if seen != self._last or paused:
            self._begun |= self._last is not None and not paused and progress.batches_done > 0
            self._last, self._moved = seen, now
        pulse: dict[str, Any] = {
            "moved": self._moved,
            "stage": run.stage,
            "begun": self._begun,
            "paused": paused,
        }
        if now - self._moved >= QUIET:
            pulse["at"] = self._stack()
        return pulse

    def _stack(self) -> list[str]:
        frame, lines = sys._current_frames().get(self._thread), list[str]()  # noqa: SLF001 - its documented name
        while frame is not None and len(lines) < _FRAMES:
            code = frame.f_code
            place = "/".join(PurePath(code.co_filename).parts[-2:])
            lines.append(f"{place}:{frame.f_lineno} {code.co_name}")
            frame = frame.f_back
        return lines
