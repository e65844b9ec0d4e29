"""Which checkpoints stay: policies as pure functions from what there is to the names that are kept.

The idea of composable policies is Orbax's. A checkpoint stays while any policy keeps it, so none can interfere with
another. Every policy here is stable: applying it after each save keeps what applying it once at the end would keep.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lineside.checkpoints.format import Manifest
from lineside.errors import OptionError

Policy = Callable[[Sequence[Manifest]], set[str]]


def kept(policies: Iterable[Policy], entries: Sequence[Manifest]) -> set[str]:
    """Return the names that at least one policy keeps."""
    return set[str]().union(*(policy(entries) for policy in policies))


@dataclass(frozen=True)
class KeepBest:
    """The `k` checkpoints with the best value of a metric; of equal ones the earlier, as a strict improvement has it.

    A value counts only for the weights that it was computed with: at the checkpoint's own step. NaN is never the best,
    nor is an infinity, which nothing could ever beat.

    Raises:
        OptionError: `k` is negative, or `mode` is neither ``min`` nor ``max``.
    """

    k: int
    mode: Literal["min", "max"]
    metric: str

    def __post_init__(self) -> None:
        """Check the options."""
        if self.k < 0:
            raise OptionError(f"KeepBest: k={self.k!r} must not be negative.")
        if self.mode not in {"min", "max"}:
            raise OptionError(f"KeepBest: mode={self.mode!r} is unknown. Use 'min' or 'max'.")

    def __call__(self, entries: Sequence[Manifest]) -> set[str]:
        """Return the names of the best."""
        sign = 1.0 if self.mode == "min" else -1.0
        ranked = sorted(
            (sign * record.value, entry.age, entry.name)
            for entry in entries
            if (record := entry.metrics.get(self.metric)) is not None
            and record.step == entry.step
            and math.isfinite(record.value)
        )
        return {name for *_, name in ranked[: self.k]}


@dataclass(frozen=True)
class KeepLast:
    """The newest `n` checkpoints, by step, then by time of creation.

    Raises:
        OptionError: `n` is negative.
    """

    n: int

    def __post_init__(self) -> None:
        """Check the option."""
        if self.n < 0:
            raise OptionError(f"KeepLast: n={self.n!r} must not be negative.")

    def __call__(self, entries: Sequence[Manifest]) -> set[str]:
        """Return the names of the newest."""
        return {entry.name for entry in _by_age(entries)[max(len(entries) - self.n, 0) :]}


@dataclass(frozen=True)
class EveryNthEpoch:
    """The newest checkpoint of each epoch whose number, counted from 1, is a multiple of `n`.

    Raises:
        OptionError: `n` is not positive.
    """

    n: int

    def __post_init__(self) -> None:
        """Check the option."""
        if self.n < 1:
            raise OptionError(f"EveryNthEpoch: n={self.n!r} must be at least 1.")

    def __call__(self, entries: Sequence[Manifest]) -> set[str]:
        """Return one name for each such epoch."""
        newest = {entry.epoch: entry.name for entry in _by_age(entries) if (entry.epoch + 1) % self.n == 0}
        return set(newest.values())


@dataclass(frozen=True)
class OnePerInterval:
    """The newest checkpoint of each interval of wall time; intervals are counted from 1970, so that none ever shifts.

    Raises:
        OptionError: `seconds` is not positive.
    """

    seconds: float

    def __post_init__(self) -> None:
        """Check the option."""
        if not self.seconds > 0:
            raise OptionError(f"OnePerInterval: seconds={self.seconds!r} must be positive.")

    def __call__(self, entries: Sequence[Manifest]) -> set[str]:
        """Return one name for each interval in which there is a checkpoint."""
        newest = {
            math.floor(datetime.fromisoformat(entry.created).timestamp() / self.seconds): entry.name
            for entry in _by_age(entries)
        }
        return set(newest.values())


def _by_age(entries: Sequence[Manifest]) -> list[Manifest]:
    return sorted(entries, key=lambda entry: entry.age)
