"""Which metrics are shown, and with how many points, so that the page stays small whatever a run has logged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_METRICS = 300
"""Beyond this nobody looks at curves."""

MOST_POINTS = 2000
"""Of one curve: more than a screen has columns."""

ALL_POINTS = 45_000
"""Of all curves together: with 14 bytes a point they take 0.6 MB."""

_FIRST = ("train/", "val/", "test/", "lr", "batch/", "system/", "time/")


@dataclass(frozen=True, slots=True)
class Selection:
    """A choice of metrics.

    Attributes:
        shown: names, in order of first appearance.
        left_out: those that are too many.
        points: that each curve may have.
    """

    shown: Sequence[str]
    left_out: Sequence[str]
    points: int

    @classmethod
    def of(cls, names: Iterable[str]) -> Selection:
        """Choose; where there are too many, those of training, validation, rates and system come first."""
        names = list(names)
        ranked = sorted(names, key=lambda name: not name.startswith(_FIRST))
        chosen = set(ranked[:MOST_METRICS])
        shown = [name for name in names if name in chosen]
        left_out = [name for name in names if name not in chosen]
        return cls(shown, left_out, min(MOST_POINTS, ALL_POINTS // max(1, len(shown))))
