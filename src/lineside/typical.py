"""What is typical of a value lately, so that what is not can be told."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from statistics import median
from typing import Final

FEWEST: Final = 10
"""Values before which nothing is typical."""

LEAST_SPREAD: Final = 0.05
"""Share of the median that counts as the spread at least: the ripples of a very steady value are no spikes."""

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

    def spikes(self, value: float, factor: float) -> bool:
        """Tell whether a value is more than `factor` times the spread above the median; nothing is until it is known.

        The spread counts as `LEAST_SPREAD` of the median at least.
        """
        if not self.known:
            return False
        middle = self.median
        spread = max(self.spread, LEAST_SPREAD * abs(middle))
        return spread > 0.0 and value > middle + factor * spread

    @property
    def values(self) -> list[float]:
        """The values, the oldest first."""
        return list(self._values)
