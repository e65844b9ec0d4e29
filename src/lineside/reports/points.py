"""Points of a curve, made ready to be drawn: where they stand, which are not finite, and fewer of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

Point = Sequence[Any]
"""Step, epoch from 0, value."""

MOST_POINTS = 2000
"""Beyond this a curve has more points than a picture has columns."""


def by_step(curves: Iterable[Sequence[Point]]) -> bool:
    """Tell whether some metric came more than once in an epoch, so that only steps tell its points apart."""
    return any(count > 1 for points in curves for count in Counter(epoch for _, epoch, _ in points).values())


def coordinates(points: Sequence[Point], steps: bool) -> tuple[Numbers, Numbers]:
    """Return where the points stand, in steps or in epochs counted from 1, and their values."""
    table = np.asarray([(step if steps else epoch + 1, value) for step, epoch, value in points], dtype=np.float64)
    table = table.reshape(-1, 2)
    return table[:, 0], table[:, 1]


def thinned(x: Numbers, y: Numbers, most: int = MOST_POINTS) -> tuple[Numbers, Numbers]:
    """Return at most about `most` points that look the same: the least and the greatest of each stretch.

    A stretch that holds a value that is not finite keeps one of those, too, so that the gap stays visible.
    """
    if len(x) <= most:
        return x, y
    kept = {0, len(x) - 1}
    for stretch in np.array_split(np.arange(len(x)), most // 2):
        finite = np.isfinite(y[stretch])
        if finite.any():
            inside = stretch[finite]
            kept |= {int(inside[y[inside].argmin()]), int(inside[y[inside].argmax()])}
        if not finite.all():
            kept.add(int(stretch[~finite][0]))
    order = sorted(kept)
    return x[order], y[order]


def alone(y: Numbers) -> NDArray[np.bool_]:
    """Tell which finite points have no finite neighbour: no line reaches them, so they need a marker."""
    finite = np.isfinite(y)
    neighbour = np.zeros_like(finite)
    neighbour[1:] = finite[:-1]
    neighbour[:-1] |= finite[1:]
    return finite & ~neighbour
