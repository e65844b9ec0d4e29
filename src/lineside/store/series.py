"""A series: the points of one metric, as columns."""

from __future__ import annotations

import operator
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple


class Point(NamedTuple):
    """One value of a metric. `time` is in seconds since 1970."""

    step: int
    epoch: int
    value: float
    time: float


def integers(items: Iterable[int] = ()) -> array[int]:
    """Return a column of signed 64-bit integers."""
    return array("q", items)


def floats(items: Iterable[float] = ()) -> array[float]:
    """Return a column of double-precision numbers."""
    return array("d", items)


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one metric in the order in which they were logged; all columns have one length.

    Attributes:
        steps: optimizer steps since the start of training, int64.
        epochs: epochs, from 0, int64.
        values: float64; NaN and infinities are values like any other.
        times: seconds since 1970, float64.
    """

    steps: array[int] = field(default_factory=integers)
    epochs: array[int] = field(default_factory=integers)
    values: array[float] = field(default_factory=floats)
    times: array[float] = field(default_factory=floats)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, position: int) -> Point:
        return Point(self.steps[position], self.epochs[position], self.values[position], self.times[position])

    def take(self, positions: Sequence[int]) -> Series:
        """Return the points at these positions."""
        return Series(
            integers(map(self.steps.__getitem__, positions)),
            integers(map(self.epochs.__getitem__, positions)),
            floats(map(self.values.__getitem__, positions)),
            floats(map(self.times.__getitem__, positions)),
        )

    def in_order(self) -> Series:
        """Return the points sorted by step; those of one step by time."""
        places = list(zip(self.steps, self.times, strict=True))
        if all(map(operator.le, places, islice(places, 1, None))):
            return self
        return self.take(sorted(range(len(places)), key=places.__getitem__))

    @staticmethod
    def joined(parts: Iterable[Series]) -> Series:
        """Return the points of several series, one after the other."""
        whole = Series()
        for part in parts:
            whole.steps.extend(part.steps)
            whole.epochs.extend(part.epochs)
            whole.values.extend(part.values)
            whole.times.extend(part.times)
        return whole
