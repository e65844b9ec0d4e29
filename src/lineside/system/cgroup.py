"""The limits of a container: control groups of Linux, version 1, version 2, and both at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_UNLIMITED = 2**60
"""Version 1 writes a number near 2**63 where there is no limit."""


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Bytes in use, and how many there may be."""

    used: int
    limit: int

    @property
    def percent(self) -> float:
        """How full it is, from 0 to 100."""
        return 100.0 * self.used / self.limit


@dataclass(frozen=True, slots=True)
class _Names:
    """What the files of a version are called."""

    limit: str
    usage: str
    reclaimable: str
    events: str


_V1 = _Names("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "memory.oom_control")
_V2 = _Names("memory.max", "memory.current", "inactive_file", "memory.events")


class Cgroup:
    """The control groups that a process lives in.

    A process is bound by the limits of its own group and of all groups above it, so every level is read. A container
    sees its own group as the root of the hierarchy; where it sees the path of the machine instead, the levels that do
    not exist inside are passed over.

    Args:
        root: where ``/proc`` and ``/sys`` lie.
        process: the process's number; this one's unless given.
    """

    def __init__(self, root: Path = Path("/"), process: int | Literal["self"] = "self") -> None:
        mounts = root / "sys/fs/cgroup"
        own = _own_groups(root / f"proc/{process}/cgroup")
        unified = mounts if (mounts / "cgroup.controllers").exists() else mounts / "unified"
        self._memory = [(_V2, level) for level in _levels(unified, own.get("", "/"))]
        self._cpu_v2 = [level for _, level in self._memory]
        self._cpu_v1: list[Path] = []
        # Where a controller is bound to version 1, version 2 has no files of it.
        if "memory" in own:
            self._memory += [(_V1, level) for level in _levels(mounts / "memory", own["memory"])]
        if "cpu" in own:
            for mount in ("cpu", "cpu,cpuacct", "cpuacct,cpu"):
                self._cpu_v1 += _levels(mounts / mount, own["cpu"])

    def memory(self) -> MemoryUse | None:
        """Return the use of the group that is nearest to its limit; None where no group has one.

        Use is counted as Kubernetes counts a working set: without files that are cached and were not used lately,
        since the system gives these up before it kills anything.
        """
        found = [use for names, level in self._memory if (use := _memory_use(names, level)) is not None]
        return max(found, key=lambda use: use.percent, default=None)

    def killed_for_memory(self) -> int | None:
        """Return how many processes the kernel has killed in these groups because memory ran out.

        Version 2 counts a kill in the group where it happened and in all above it, version 1 in the first alone; so the
        sum over the levels means nothing but that it grows. None where nobody counts.
        """
        counts = [
            int(fields["oom_kill"])
            for names, level in self._memory
            if (fields := _fields(level / names.events)).get("oom_kill", "").isdigit()
        ]
        return sum(counts) if counts else None

    def cpus(self) -> float | None:
        """Return how many CPUs' time the groups may use, such as 1.5; None where no group has a quota."""
        quotas = [_quota(*_words(level / "cpu.max")) for level in self._cpu_v2]
        quotas += [
            _quota(*_words(level / "cpu.cfs_quota_us"), *_words(level / "cpu.cfs_period_us")) for level in self._cpu_v1
        ]
        return min((quota for quota in quotas if quota is not None), default=None)


def _own_groups(table: Path) -> Mapping[str, str]:
    """Return the path of this process's group by controller; that of version 2 stands under the empty name."""
    groups: dict[str, str] = {}
    for line in _text(table).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        groups |= dict.fromkeys(controllers.split(","), path)
    return groups


def _levels(mount: Path, group: str) -> Iterator[Path]:
    """Yield the directory of a group and those above it, as far as they exist."""
    level = mount / group.lstrip("/")
    if not level.resolve().is_relative_to(mount.resolve()):
        level = mount  # the group lies outside of what this container sees
    while True:
        if level.is_dir():
            yield level
        if level == mount:
            return
        level = level.parent


def _memory_use(names: _Names, level: Path) -> MemoryUse | None:
    limit, usage = _number(level / names.limit), _number(level / names.usage)
    if not limit or usage is None or limit >= _UNLIMITED:
        return None
    return MemoryUse(max(0, usage - int(_fields(level / "memory.stat").get(names.reclaimable, 0))), limit)


def _fields(path: Path) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in _text(path).splitlines() if " " in line)


def _quota(quota: str = "max", period: str = "100000", *_: str) -> float | None:
    """Return the CPUs of a quota and its period in microseconds; ``max`` and -1 stand for none."""
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def _words(path: Path) -> list[str]:
    return _text(path).split()


def _number(path: Path) -> int | None:
    word = _text(path).strip()
    return int(word) if word.isdigit() else None


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_text("utf-8")
    return ""
