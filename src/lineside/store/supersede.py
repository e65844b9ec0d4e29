"""Which records count.

What an attempt wrote after the checkpoint from which a later one resumed is superseded.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from lineside.store.entries import Attempt
from lineside.store.series import Series

Place = tuple[float, float]
"""A step, and the time that orders records of one step."""
_END: Place = (inf, inf)
_START: Place = (-inf, -inf)


class Cuts:
    """The last place of each attempt that counts.

    A record at the very step of the checkpoint counts if it is not younger than the checkpoint's state: the end of an
    epoch has the step of its last batch, and happens again when the checkpoint was made between the two.
    """

    def __init__(self, attempts: Iterable[Attempt]) -> None:
        self._after: dict[int, Place] = {}
        last = _END
        for attempt in sorted(attempts, key=lambda attempt: attempt.number, reverse=True):
            self._after[attempt.number] = last
            last = min(last, _resumed(attempt))

    def of(self, attempt: int) -> Place:
        """Return the last place that counts of an attempt."""
        return self._after.get(attempt, _END)

    def keep(self, attempt: int, step: int | None, time: float) -> bool:
        """Tell whether a record counts; one that stands at no step does."""
        return step is None or (step, time) <= self.of(attempt)

    def kept(self, series: Series, attempt: int) -> Series:
        """Return the points of an attempt that count."""
        cut = self.of(attempt)
        return series.take([i for i, place in enumerate(zip(series.steps, series.times, strict=True)) if place <= cut])


def _resumed(attempt: Attempt) -> Place:
    if attempt.resumed_step is None:
        return _START
    return attempt.resumed_step, inf if attempt.resumed_time is None else attempt.resumed_time
