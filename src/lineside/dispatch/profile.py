"""What every callback costs: calls, total, mean and p99 per event, and its share of the run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

BUCKETS = 64


class Cost:
    """Time that one hook took, in a histogram of powers of two of a nanosecond.

    The dispatcher adds to the fields directly: a method call here would cost as much as the measurement.
    """

    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.total = 0
        self.buckets = [0] * BUCKETS

    def add(self, spent: int) -> None:
        """Add a call that took so many nanoseconds; the dispatcher does the same without a call."""
        self.total += spent
        self.buckets[spent.bit_length()] += 1

    @property
    def calls(self) -> int:
        """How often the hook was called."""
        return sum(self.buckets)

    def p99(self) -> float:
        """Return the 99th percentile in seconds: the geometric middle of its bucket, so right to a factor of 1.5."""
        return quantile(self.buckets, 0.99)


def quantile(buckets: list[int], share: float) -> float:
    """Return a quantile of a histogram of powers of two of a nanosecond, in seconds."""
    remaining = share * sum(buckets)
    for power, count in enumerate(buckets):
        remaining -= count
        if count and remaining <= 0:
            return float(0.75 * 2**power) / 1e9
    return 0.0


@dataclass(frozen=True, slots=True)
class CallbackCost:
    """What one callback cost in a run; all times in seconds.

    Attributes:
        share: of the run's wall time; for background callbacks the time of their own thread.
    """

    name: str
    lane: str
    calls: int
    total: float
    mean: float
    p99: float
    share: float
    failures: int
    dropped: int
    disabled: tuple[str, ...]


def recorded_costs(rows: object) -> list[CallbackCost]:
    """Return the costs that a run wrote down; what is no cost is passed over, since a record may come from anybody."""
    return [cost for row in (rows if isinstance(rows, list) else []) if (cost := _recorded_cost(row)) is not None]


def _recorded_cost(row: Any) -> CallbackCost | None:
    try:
        return CallbackCost(
            name=str(row["name"]),
            lane=str(row["lane"]),
            calls=int(row["calls"]),
            total=float(row["total"]),
            mean=float(row["mean"]),
            p99=float(row["p99"]),
            share=float(row["share"]),
            failures=int(row["failures"]),
            dropped=int(row["dropped"]),
            disabled=tuple(map(str, row["disabled"])),
        )
    except (LookupError, TypeError, ValueError, OverflowError):
        return None


def summarize(
    name: str,
    lane: str,
    costs: Iterable[Cost],
    elapsed: float,
    *,
    failures: int = 0,
    dropped: int = 0,
    disabled: tuple[str, ...] = (),
) -> CallbackCost:
    """Add up the costs of a callback's hooks over a run that took `elapsed` seconds."""
    merged = Cost()
    for cost in costs:
        merged.total += cost.total
        merged.buckets = [mine + theirs for mine, theirs in zip(merged.buckets, cost.buckets, strict=True)]
    calls, total = merged.calls, merged.total / 1e9
    share = total / elapsed if elapsed > 0 else 0.0
    mean = total / calls if calls else 0.0
    return CallbackCost(name, lane, calls, total, mean, merged.p99(), share, failures, dropped, disabled)
