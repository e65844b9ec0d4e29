"""Down-sampling that loses no spike: of every bucket of points the least, the greatest and the first NaN are kept."""

from __future__ import annotations

from array import array
from math import isnan

from lineside.store.series import Series

LEVEL = 64
"""Points in a bucket of the level that is stored beside each full block."""


def extremes(series: Series, width: int) -> Series:
    """Keep of every `width` consecutive points the least, the greatest and, where there is one, the first NaN.

    The kept points are real ones with their own step, epoch and time, in their order: at most three of a bucket.
    Reducing what is already reduced loses no extreme either, so levels can be read instead of all points.
    """
    values = series.values
    positions: list[int] = []
    for start in range(0, len(values), width):
        bucket = values[start : start + width]
        # One sum tells whether a NaN is inside; infinities of both signs look alike and take the slower way too.
        kept = _with_nan(bucket) if isnan(sum(bucket)) else {bucket.index(min(bucket)), bucket.index(max(bucket))}
        positions.extend(start + position for position in sorted(kept))
    return series.take(positions)


def at_most(series: Series, points: int) -> Series:
    """Reduce a series to at most `points` points (at least 3) of buckets of one width."""
    if len(series) <= points:
        return series
    reduced = extremes(series, -(-len(series) // (points // 2)))
    if len(reduced) <= points:
        return reduced
    return extremes(series, -(-len(series) // (points // 3)))


def _with_nan(bucket: array[float]) -> set[int]:
    numbers = [position for position, value in enumerate(bucket) if not isnan(value)]
    kept = {min(numbers, key=bucket.__getitem__), max(numbers, key=bucket.__getitem__)} if numbers else set()
    if len(numbers) < len(bucket):
        kept.add(next(position for position, value in enumerate(bucket) if isnan(value)))
    return kept
