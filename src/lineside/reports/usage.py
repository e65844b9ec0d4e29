"""What a training took of its machine, gathered look by look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


class Tally:
    """Mean, lowest and highest value of each metric, over all looks that told it."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[int, float, float, float]] = {}

    def add(self, values: Mapping[str, float]) -> None:
        """Add one look."""
        for name, value in values.items():
            count, total, lowest, highest = self._values.get(name, (0, 0.0, value, value))
            self._values[name] = (count + 1, total + value, min(lowest, value), max(highest, value))

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of all metrics."""
        return iter(self._values)

    def mean(self, name: str) -> float | None:
        """Return the mean; None if no look told it."""
        count, total, _, _ = self._values.get(name, (0, 0.0, 0.0, 0.0))
        return total / count if count else None

    def lowest(self, name: str) -> float | None:
        """Return the lowest value; None if no look told it."""
        return self._values[name][2] if name in self._values else None

    def highest(self, name: str) -> float | None:
        """Return the highest value; None if no look told it."""
        return self._values[name][3] if name in self._values else None

    def of_gpus(self, metric: str) -> list[str]:
        """Return the names of one metric of all GPUs, such as ``system/gpu0/memory_percent``."""
        return [name for name in self if name.startswith("system/gpu") and name.endswith(f"/{metric}")]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a training took of its machine; None where nobody could tell.

    Attributes:
        seconds: time among the training batches of epochs, without validation and pauses.
        data_seconds: how much of it was spent waiting for batches.
        start_seconds: how much of it for the first batch of each epoch, for which a loader starts its workers.
        workers: processes that load data.
        cpus: CPUs that the training may use.
        cpu_percent: of these; the mean.
        memory_percent: of what there may be, the highest.
        memory_limit_gib: what there may be.
        swap_mib_s: moved between memory and swap by the whole machine; the mean.
        swap_gib: memory of the training's own processes that lies in swap; the most.
        disk_free_gib: left for the run's directory; the least.
        disk_free_percent: likewise.
        gpu_percent: time that the busiest GPU computes; the mean.
        gpu_memory_percent: memory of the fullest GPU; the highest.
    """

    seconds: float = 0.0
    data_seconds: float | None = None
    start_seconds: float | None = None
    workers: int | None = None
    cpus: float | None = None
    cpu_percent: float | None = None
    memory_percent: float | None = None
    memory_limit_gib: float | None = None
    swap_mib_s: float | None = None
    swap_gib: float | None = None
    disk_free_gib: float | None = None
    disk_free_percent: float | None = None
    gpu_percent: float | None = None
    gpu_memory_percent: float | None = None

    @property
    def data_percent(self) -> float | None:
        """How much of a step waits for data; first batches belong to it where no workers have to be started."""
        if self.data_seconds is None or self.seconds <= 0:
            return None
        waited = self.data_seconds + (0.0 if self.workers else self.start_seconds or 0.0)
        return min(100.0, 100.0 * waited / self.seconds)

    @property
    def start_percent(self) -> float | None:
        """How much of an epoch waits for workers to start."""
        if not self.workers or self.start_seconds is None or self.seconds <= 0:
            return None
        return min(100.0, 100.0 * self.start_seconds / self.seconds)

    @classmethod
    def of(
        cls,
        tally: Tally,
        *,
        seconds: float = 0.0,
        data_seconds: float | None = None,
        start_seconds: float | None = None,
        workers: int | None = None,
    ) -> Usage:
        """Return the usage that looks at the machine tell, beside how long was waited for data."""
        busy = [mean for name in tally.of_gpus("utilization_percent") if (mean := tally.mean(name)) is not None]
        full = [most for name in tally.of_gpus("memory_percent") if (most := tally.highest(name)) is not None]
        return cls(
            seconds=seconds,
            data_seconds=data_seconds,
            start_seconds=start_seconds,
            workers=workers,
            cpus=tally.highest("system/cpus"),
            cpu_percent=tally.mean("system/cpu_percent"),
            memory_percent=tally.highest("system/memory_percent"),
            memory_limit_gib=tally.highest("system/memory_limit_gib"),
            swap_mib_s=tally.mean("system/swap_mib_s"),
            swap_gib=tally.highest("system/swap_gib"),
            disk_free_gib=tally.lowest("system/disk_free_gib"),
            disk_free_percent=tally.lowest("system/disk_free_percent"),
            gpu_percent=max(busy, default=None),
            gpu_memory_percent=max(full, default=None),
        )
