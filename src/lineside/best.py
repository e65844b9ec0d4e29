"""The best value so far, and by how much it has to be beaten."""

from __future__ import annotations

import math
import re
from typing import Literal

from lineside.errors import OptionError

_PERCENT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")


class Best:
    """The best finite value of a metric.

    NaN is no measurement, and an infinity could never be beaten: neither ever becomes the best, and any number beats
    having none.

    Args:
        mode: which way is better.
        min_delta: what a value must gain over the best to be an improvement, as strictly as Keras and Lightning have
            it: a gain of exactly `min_delta` is none. A number is absolute; ``"1%"`` is relative to the best.

    Attributes:
        value: the best; None as long as there is none.

    Raises:
        OptionError: `min_delta` is negative, or neither a number nor a percentage.
    """

    def __init__(self, mode: Literal["min", "max"], min_delta: float | str = 0.0) -> None:
        self.value: float | None = None
        self._mode = mode
        self._relative = isinstance(min_delta, str)
        self._margin = _parsed(min_delta)

    def beats(self, value: float, than: float | None) -> bool:
        """Tell whether a value is better than another by more than the margin."""
        if not math.isfinite(value):
            return False
        if than is None:
            return True
        margin = self._margin * abs(than) if self._relative else self._margin
        return value < than - margin if self._mode == "min" else value > than + margin

    def improved(self, value: float) -> bool:
        """Tell whether a value beats the best, and keep it if it does."""
        if not self.beats(value, self.value):
            return False
        self.value = value
        return True


def _parsed(min_delta: float | str) -> float:
    if isinstance(min_delta, str):
        match = _PERCENT.fullmatch(min_delta)
        if match is None:
            raise OptionError(
                f"min_delta={min_delta!r} is no percentage: write '1%', or a number for an absolute gain."
            )
        return float(match[1]) / 100.0
    if isinstance(min_delta, bool) or not isinstance(min_delta, (int, float)) or not 0.0 <= min_delta < math.inf:
        raise OptionError(f"min_delta={min_delta!r} must be a finite number, 0 or more, or a percentage such as '1%'.")
    return float(min_delta)
