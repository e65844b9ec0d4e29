"""The tree of this process and its children: CPU time, memory, and bytes to and from the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class TreeUse:
    """What a tree of processes holds now, and what it has used since the last look.

    Attributes:
        rss: resident bytes; a page that several processes share is counted in each of them.
        pss: resident bytes, shared pages divided among those that share them; None where the system does not tell.
        swap: bytes that were moved out to swap; None where the system does not tell.
        cpu_seconds: CPU time used since the last look.
        read: bytes read from the disk since the last look; None where the system does not tell.
        written: bytes written to it since then.
    """

    rss: int = 0
    pss: int | None = None
    swap: int | None = None
    cpu_seconds: float = 0.0
    read: int | None = None
    written: int | None = None


@dataclass(frozen=True, slots=True)
class _Counters:
    """What one process has used since it began."""

    cpu_seconds: float
    read: int | None
    written: int | None


class ProcessTree:
    """This process and all its descendants, such as the workers of data loaders.

    What a process used between the last look and its end is lost, since nobody can ask it any more.

    Args:
        psutil: the library, which an extra installs.
    """

    def __init__(self, psutil: Any) -> None:
        self._psutil = psutil
        self._root = psutil.Process(os.getpid())
        self._seen: dict[tuple[int, float], _Counters] = {}
        self._first = True

    def look(self) -> TreeUse:
        """Return what the tree holds, and what it has used since the last look; the first look has no last one."""
        use, seen = TreeUse(), dict[tuple[int, float], _Counters]()
        for process in self._processes():
            try:
                with process.oneshot():
                    now = self._counters(process)
                    self._add_memory(use, process)
                    key = (process.pid, process.create_time())
            except self._psutil.Error:  # it has just ended, or belongs to somebody else
                continue
            seen[key] = now
            # A process that is new since the last look has used all its time since then.
            before = self._seen.get(key, now if self._first else _Counters(0.0, 0, 0))
            use.cpu_seconds += now.cpu_seconds - before.cpu_seconds
            use.read = _sum(use.read, now.read, before.read)
            use.written = _sum(use.written, now.written, before.written)
        self._seen, self._first = seen, False
        return use

    def _processes(self) -> Iterator[Any]:
        yield self._root
        try:
            yield from self._root.children(recursive=True)
        except self._psutil.Error:
            return

    def _counters(self, process: Any) -> _Counters:
        times = process.cpu_times()
        try:
            moved = process.io_counters()
        except (AttributeError, self._psutil.AccessDenied):  # not on macOS, and not in every container
            return _Counters(times.user + times.system, None, None)
        return _Counters(times.user + times.system, moved.read_bytes, moved.write_bytes)

    def _add_memory(self, use: TreeUse, process: Any) -> None:
        try:
            memory = process.memory_full_info()
        except self._psutil.AccessDenied:
            memory = process.memory_info()
        use.rss += memory.rss
        for field in ("pss", "swap"):
            value = getattr(memory, field, None)
            if value is not None:
                setattr(use, field, (getattr(use, field) or 0) + value)


def _sum(total: int | None, now: int | None, before: int | None) -> int | None:
    """Add what a counter has gained; None as long as nobody has counted."""
    return total if now is None else (total or 0) + now - (before or 0)
