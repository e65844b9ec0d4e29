"""`Meter`: one look at everything, as the metrics ``system/…``."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lineside.errors import MissingDependency
from lineside.language import text
from lineside.system.cgroup import Cgroup, MemoryUse
from lineside.system.gpus import GpuChoice, Gpus
from lineside.system.processes import ProcessTree

_MIB, _GIB = 2**20, 2**30
_NVIDIA = "proc/driver/nvidia/version"


class Meter:
    """Looks at what this process and its children take, and at what the machine has left.

    Everything stands under the name and in the unit that ``docs/guide/resources.md`` says. Rates are those since the
    last look, and the first look has none. A look takes some milliseconds: it is nothing for the training thread.

    Args:
        directory: whose filesystem is watched; None for no disk.
        network: count bytes to and from other machines.
        gpu: which GPUs.
        root: where ``/proc`` and ``/sys`` lie.
        clock: seconds that go on evenly.

    Attributes:
        cpus: how many CPUs this process may use, quotas of its container counted: 1.5 is possible.

    Raises:
        MissingDependency: psutil is not installed; or GPUs were asked for, and nvidia-ml-py is not.
    """

    def __init__(
        self,
        directory: Path | None,
        *,
        network: bool = True,
        gpu: GpuChoice = "auto",
        root: Path = Path("/"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_installed(gpu)
        self._psutil: Any = import_module("psutil")
        self._directory = directory
        self._network = network
        self._clock = clock
        self._cgroup = Cgroup(root)
        self._tree = ProcessTree(self._psutil)
        self._notes: list[str] = []
        self._gpus = self._open_gpus(gpu, root / _NVIDIA)
        self.cpus = min(float(self._allowed()), self._cgroup.cpus() or float("inf"))
        self._looked: float | None = None
        self._counted: dict[str, float] = {}
        self._refused: set[str] = set()

    def _open_gpus(self, gpu: GpuChoice, driver: Path) -> Gpus | None:
        if gpu is False:
            return None
        # Where nobody asked, a machine without NVIDIA's driver is not worth a word; one where it is silent is.
        expected = gpu != "auto" or driver.exists()
        if find_spec("pynvml") is not None:
            gpus = Gpus(import_module("pynvml"), gpu)
            return gpus if gpus.answers or expected else None
        if expected:
            self._notes.append(
                text(
                    "GPUs are not watched, because nvidia-ml-py is not installed. Run: pip install 'lineside[system]'",
                    "未监测 GPU：没有安装 nvidia-ml-py。请运行：pip install 'lineside[system]'",
                )
            )
        return None

    def _allowed(self) -> int:
        """Return the number of CPUs that the process may be put on."""
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1

    def notes(self) -> list[str]:
        """Return what cannot be watched, and why; each sentence once."""
        found, self._notes = self._notes, []
        if self._gpus is not None:
            found, self._gpus.notes = found + self._gpus.notes, []
        return found

    def look(self) -> dict[str, float]:
        """Return what there is now, and what has been used a second since the last look."""
        now = self._clock()
        seconds = now - self._looked if self._looked is not None else 0.0
        self._looked = now
        values: dict[str, float] = {}
        for what, part in self._parts(seconds).items():
            try:
                values |= part()
            except (OSError, self._psutil.Error) as error:
                if what not in self._refused:
                    self._refused.add(what)
                    self._notes.append(text(f"{what} cannot be watched: {error}.", f"无法监测 {what}：{error}。"))
        return {f"system/{name}": value for name, value in values.items()}

    def _parts(self, seconds: float) -> dict[str, Callable[[], dict[str, float]]]:
        parts: dict[str, Callable[[], dict[str, float]]] = {
            "processes": lambda: self._of_processes(seconds),
            "memory": self._of_memory,
            "swap": lambda: self._rates({"swap_mib_s": self._swapped()}, seconds),
        }
        if (directory := self._directory) is not None:
            parts["disk"] = lambda: self._of_disk(directory)
        if self._network:
            parts["network"] = lambda: self._of_network(seconds)
        if self._gpus is not None:
            parts["GPUs"] = self._gpus.read
        return parts

    def _of_processes(self, seconds: float) -> dict[str, float]:
        use = self._tree.look()
        values = {"rss_gib": use.rss / _GIB, "cpus": self.cpus}
        values |= {f"{name}_gib": held / _GIB for name in ("pss", "swap") if (held := getattr(use, name)) is not None}
        if seconds > 0:
            values["cpu_percent"] = 100.0 * use.cpu_seconds / seconds / self.cpus
            moved = {"disk_read_mib_s": use.read, "disk_write_mib_s": use.written}
            values |= {name: count / _MIB / seconds for name, count in moved.items() if count is not None}
        return values

    def _swapped(self) -> float:
        """Return the bytes that the machine has moved to swap and back since it was started."""
        swap = self._psutil.swap_memory()
        return float(swap.sin + swap.sout)

    def _of_memory(self) -> dict[str, float]:
        machine = self._psutil.virtual_memory()
        uses = [MemoryUse(machine.total - machine.available, machine.total)]
        if (container := self._cgroup.memory()) is not None:
            uses.append(container)
        # Whichever is full first ends the training.
        fullest = max(uses, key=lambda use: use.percent)
        return {"memory_percent": fullest.percent, "memory_limit_gib": fullest.limit / _GIB}

    def _of_disk(self, directory: Path) -> dict[str, float]:
        usage = shutil.disk_usage(directory)
        return {"disk_free_gib": usage.free / _GIB, "disk_free_percent": 100.0 * usage.free / max(1, usage.total)}

    def _of_network(self, seconds: float) -> dict[str, float]:
        per_card = self._psutil.net_io_counters(pernic=True)
        outside = [card for name, card in per_card.items() if not name.startswith("lo")]
        counts = {
            "network_received_mib_s": float(sum(card.bytes_recv for card in outside)),
            "network_sent_mib_s": float(sum(card.bytes_sent for card in outside)),
        }
        return self._rates(counts, seconds)

    def _rates(self, counts: dict[str, float], seconds: float) -> dict[str, float]:
        """Return MiB a second of counters of bytes; one that ran over, or is new, gives none."""
        before = self._counted
        self._counted = before | counts
        return {
            name: (count - before[name]) / _MIB / seconds
            for name, count in counts.items()
            if seconds > 0 and count >= before.get(name, float("inf"))
        }


def check_installed(gpu: GpuChoice) -> None:
    """Refuse to watch what no library is there for.

    Raises:
        MissingDependency: holding the line that installs it.
    """
    if find_spec("psutil") is None:
        raise MissingDependency("ResourceMonitor", "psutil", "system")
    if gpu not in (False, "auto") and find_spec("pynvml") is None:
        raise MissingDependency(f"ResourceMonitor(gpu={gpu!r})", "nvidia-ml-py", "system")
