"""What is typical of a value lately, so that what is not can be told."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from statistics import median
from typing import Final

FEWEST: Final = 10
"""Values before which nothing is typical."""

_TO_DEVIATION: Final = 1.4826
"""Makes the median absolute deviation of normal values their standard deviation."""


class Typical:
    """The median of the newest values, and how far from it they are as a rule.

    Both stay where they are when up to half of the values are wild (Hampel, "The influence curve and its role in robust
    estimation", 1974), as mean and standard deviation do not.

    Args:
        window: how many values count.
        values: those that are there already, the oldest first.
    """

    def __init__(self, window: int, values: Iterable[float] = ()) -> None:
        self._values: deque[float] = deque(values, maxlen=window)

    def add(self, value: float) -> None:
        """Take a finite value; the oldest goes where there are enough."""
        self._values.append(value)

    @property
    def known(self) -> bool:
        """Whether there are enough values to tell."""
        return len(self._values) >= FEWEST

    @property
    def median(self) -> float:
        """The median of the values."""
        return median(self._values)

    @property
    def spread(self) -> float:
        """The median absolute deviation from the median, scaled to a standard deviation."""
        middle = self.median
        return _TO_DEVIATION * median(abs(value - middle) for value in self._values)

    @property
    def values(self) -> list[float]:
        """The values, the oldest first."""
        return list(self._values)
