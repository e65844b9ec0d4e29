"""Whether the kernel has killed a process because memory ran out: its counters before and after tell."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from lineside.system.cgroup import Cgroup

_RECENT: Final = 10.0
"""Seconds after which the machine's counter is read anew: a dying process takes a while to be gone."""


class Memory:
    """The counters that concern a process, as they stood when this was made.

    Those of its control groups are exact. That of the whole machine helps where no group counts, or the process has
    moved to another one; since others are killed there as well, only what it has gained lately counts.

    Args:
        process: its number.
        root: where ``/proc`` and ``/sys`` lie.
        clock: seconds that only ever grow.
    """

    def __init__(self, process: int, root: Path = Path("/"), clock: Callable[[], float] = time.monotonic) -> None:
        self._groups = Cgroup(root, process)
        self._events = root / "proc/vmstat"
        self._clock = clock
        self._before = self._groups.killed_for_memory()
        self._machine = deque([(clock(), self._killed_on_machine())], maxlen=2)

    def look(self) -> None:
        """Look at the machine's counter, from time to time."""
        now = self._clock()
        if now - self._machine[-1][0] >= _RECENT:
            self._machine.append((now, self._killed_on_machine()))

    def ran_out(self) -> bool:
        """Tell whether a counter has grown."""
        now = self._groups.killed_for_memory()
        grown = now is not None and self._before is not None and now > self._before
        return grown or self._killed_on_machine() > self._machine[0][1]

    def _killed_on_machine(self) -> int:
        try:
            lines = self._events.read_text("ascii").splitlines()
        except OSError:  # macOS
            return 0
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
