"""An axis of a chart on paper: its range, where a value stands on it, and which round numbers mark it."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
_MARGIN = 0.06
_MOST = sys.float_info.max


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of numbers laid onto a stretch of paper.

    Attributes:
        low: the least number.
        high: the greatest; above `low`.
        start: where `low` stands.
        end: where `high` stands.
        log: whether the scale is logarithmic; `low` is positive then.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    @classmethod
    def over(
        cls, values: Sequence[float], start: float, end: float, *, log: bool = False, margin: float = _MARGIN
    ) -> Axis:
        """Return an axis that shows all of some finite values, with a little room around them."""
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        if log:
            room = max((high / low) ** margin, 1.01)
            low = max(low / room, math.ulp(0.0))
            return cls(low, max(min(high * room, _MOST), math.nextafter(low, math.inf)), start, end, log=True)
        # Halves, since the difference of the greatest numbers that there are is no number any more.
        half = high / 2 - low / 2
        room = 2 * half * margin if half else abs(high) * _MARGIN or 0.5
        return cls(max(low - room, -_MOST), min(high + room, _MOST), start, end)

    def place(self, value: float) -> float:
        """Return where a value stands."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        number = math.log(value) if self.log else value
        share = (number / 2 - low / 2) / (high / 2 - low / 2)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int) -> list[float]:
        """Return about so many round numbers that lie on the axis."""
        return self._decades(most) if self.log else self._multiples(most)

    def _multiples(self, most: int) -> list[float]:
        """Return the multiples of 1, 2, 2.5 or 5 times a power of ten."""
        raw = self.high / most - self.low / most
        magnitude = 10.0 ** math.floor(math.log10(raw))
        if magnitude == 0.0:  # numbers so small that nothing round lies between them
            return [self.low]
        stride = next(one * magnitude for one in _ROUND if one * magnitude >= raw * (1 - 1e-9))
        first, last = math.ceil(self.low / stride - 1e-9), math.floor(self.high / stride + 1e-9)
        return [index * stride for index in range(first, last + 1)]

    def _decades(self, most: int) -> list[float]:
        """Return powers of ten, or where there are few of them also their doubles and fives."""
        powers = range(math.floor(math.log10(self.low)), math.floor(math.log10(self.high)) + 1)
        stride = -(-len(powers) // most)
        factors = (1, 2, 5) if 3 * len(powers) <= most + 4 else (1,)
        marked = (factor * 10.0**power for power in powers[::stride] for factor in factors)
        return [value for value in marked if self.low <= value <= self.high]


def labels(ticks: Sequence[float]) -> list[str]:
    """Return short texts for ticks, with as many digits as tell them apart: ``0.25``, ``1e-6``, ``250k``, ``3M``."""
    stride = min((after - before for before, after in pairwise(ticks)), default=math.inf)
    return [_label(tick, stride) for tick in ticks]


def _label(value: float, stride: float) -> str:
    if value == 0:
        return "0"
    ratio = abs(value) / stride
    digits = min(max(4, math.ceil(math.log10(ratio)) + 1), 15) if 0 < ratio < math.inf else 4
    for suffix, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if scale <= abs(value) < 1000 * scale:
            return f"{value / scale:.{digits}g}{suffix}"
    text = f"{value:.{digits}g}"
    mantissa, exponent, power = text.partition("e")
    return f"{mantissa}e{int(power)}" if exponent else text
