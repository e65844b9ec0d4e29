"""One metric out of the database: which blocks count, and how closely each is read."""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

from lineside.store.chunks import ChunkDamaged, decode_axis, decode_series, decode_values
from lineside.store.extremes import LEVEL, extremes
from lineside.store.rowgroup import BLOCK_ROWS
from lineside.store.series import Point, Series
from lineside.store.supersede import Cuts

_REDUCED: Final = {
    LEVEL: "SELECT level FROM chunk WHERE metric = ? AND block = ?",
    BLOCK_ROWS: "SELECT summary FROM chunk WHERE metric = ? AND block = ?",
}
"""Where buckets of a width are stored."""


class _Block(NamedTuple):
    id: int
    attempt: int
    rows: int
    first_step: int
    last_step: int


class ChunkReader:
    """Reads the points of one metric within the caller's transaction.

    Args:
        connection: in a transaction.
        metric: key of the metric.
        cuts: which points count.
    """

    def __init__(self, connection: sqlite3.Connection, metric: int, cuts: Cuts) -> None:
        self._connection = connection
        self._metric = metric
        self._cuts = cuts
        found = connection.execute(
            "SELECT block.id, attempt, block.count, first_step, last_step FROM chunk JOIN block ON block.id = block"
            " WHERE metric = ? ORDER BY attempt, block.id",
            (metric,),
        )
        self._blocks = [block for block in map(_checked, found) if block.first_step <= cuts.of(block.attempt)[0]]

    def series(self, max_points: int | None) -> Series:
        """Return all points by attempt and step, or so few of them that `max_points` extremes are still among them."""
        width = self._bucket_width(max_points)
        by_attempt: dict[int, list[Series]] = {}
        for block in self._blocks:
            by_attempt.setdefault(block.attempt, []).append(self._read(block, width))
        # Blocks of different groups overlap: a metric may be logged alone and together with others.
        return Series.joined(Series.joined(parts).in_order() for parts in by_attempt.values())

    def latest(self) -> Point | None:
        """Return the last point; of one step the youngest."""
        best: Point | None = None
        attempt = None
        newest_first = sorted(self._blocks, key=lambda block: (block.attempt, block.last_step, block.id), reverse=True)
        for block in newest_first:
            if best is not None and (block.attempt != attempt or block.last_step < best.step):
                break
            last = _last(self._points(block))
            if last is not None and (best is None or (last.step, last.time) > (best.step, best.time)):
                best, attempt = last, block.attempt
        return best

    def _bucket_width(self, max_points: int | None) -> int:
        """Return the widest stored bucket that is no wider than a bucket of the result."""
        if max_points is None:
            return 1
        wanted = sum(block.rows for block in self._blocks) // (max_points // 2)
        return max(width for width in (1, *_REDUCED) if width <= max(1, wanted))

    def _read(self, block: _Block, width: int) -> Series:
        """Return a block in buckets of a width. A block that is cut, or not full, has no level and is reduced here."""
        if width > 1 and block.last_step < self._cuts.of(block.attempt)[0]:
            (data,) = self._one(_REDUCED[width], (self._metric, block.id))
            if data is not None:
                return decode_series(_bytes(data), 3 * block.rows)
        points = self._points(block)
        return points if width == 1 else extremes(points, width)

    def _points(self, block: _Block) -> Series:
        (axis,) = self._one("SELECT axis FROM block WHERE id = ?", (block.id,))
        (values,) = self._one("SELECT points FROM chunk WHERE metric = ? AND block = ?", (self._metric, block.id))
        steps, epochs, times = decode_axis(_bytes(axis), block.rows)
        points = Series(steps, epochs, decode_values(_bytes(values), block.rows), times)
        cut = self._cuts.of(block.attempt)
        return points if block.last_step < cut[0] else self._cuts.kept(points, block.attempt)

    def _one(self, query: str, key: tuple[int, ...]) -> sqlite3.Row:
        found: sqlite3.Row = self._connection.execute(query, key).fetchone()
        return found


def _checked(row: sqlite3.Row) -> _Block:
    """Return a row as a block; the numbers bound how much memory reading it may take."""
    block = _Block._make(number for number in row if isinstance(number, int))
    if not 0 < block.rows <= BLOCK_ROWS:
        raise ChunkDamaged(f"a block says that it has {block.rows} rows")
    return block


def _last(points: Series) -> Point | None:
    if not points:
        return None
    steps, times = points.steps, points.times
    return points[max(range(len(points)), key=lambda row: (steps[row], times[row], row))]


def _bytes(data: object) -> bytes:
    if not isinstance(data, bytes):
        raise ChunkDamaged("a chunk is not binary")
    return data
