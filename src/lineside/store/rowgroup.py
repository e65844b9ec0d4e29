"""Rows of one set of metrics on their way from memory into blocks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lineside.ports import LogRow
from lineside.store.chunks import encode_axis, encode_series, encode_values
from lineside.store.extremes import LEVEL, extremes
from lineside.store.segments import merge_from
from lineside.store.series import Series, floats, integers

BLOCK_ROWS = 4096
"""Rows of a full block, unless it has very many metrics."""
_BLOCK_VALUES = 1 << 18


class Segment(NamedTuple):
    """A block on the disk that is not full yet."""

    block: int
    rows: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What a group has on the disk once its transaction is committed."""

    segments: list[Segment]
    full_rows: int


class RowGroup:
    """Rows that were logged with the same names; they share their steps, epochs and times.

    Up to one block of rows stays in memory, so that segments are merged without being read again.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.capacity = min(BLOCK_ROWS, max(LEVEL, _BLOCK_VALUES // len(names)))
        self._steps, self._epochs, self._times = integers(), integers(), floats()
        self._columns = [floats() for _ in names]
        self._segments: list[Segment] = []

    @property
    def waiting(self) -> int:
        """Rows that are not on the disk."""
        return len(self._steps) - sum(segment.rows for segment in self._segments)

    def extend(self, rows: Sequence[LogRow]) -> None:
        """Take rows whose values stand in the order of `names`; all of them or, on an error, none."""
        steps, epochs, times, mappings = zip(*rows, strict=True)
        axis = integers(steps), integers(epochs), floats(times)
        columns = [floats(values) for values in zip(*(row.values() for row in mappings), strict=True)]
        self._steps.extend(axis[0])
        self._epochs.extend(axis[1])
        self._times.extend(axis[2])
        for column, new in zip(self._columns, columns, strict=True):
            column.extend(new)

    def store(
        self, connection: sqlite3.Connection, attempt: int, metric_id: Callable[[str], int], *, finish: bool = False
    ) -> Stored:
        """Write waiting rows within the caller's transaction; the group itself changes with `adopt`, after the commit.

        Args:
            connection: in a transaction.
            attempt: the attempt to which the rows belong.
            metric_id: gives the key of a metric by its name.
            finish: make one segment of all that are not full, because nothing more will come.
        """
        ids = [metric_id(name) for name in self.names]
        total = len(self._steps)
        full_rows = total - total % self.capacity
        counts = [*(segment.rows for segment in self._segments), self.waiting]
        kept = 0 if full_rows or finish else merge_from(counts)
        self._delete(connection, ids, [segment.block for segment in self._segments[kept:]])
        for start in range(0, full_rows, self.capacity):
            self._insert(connection, attempt, ids, slice(start, start + self.capacity), compress=True)
        segments = self._segments[:kept]
        start = full_rows or sum(counts[:kept])
        if start < total:
            block = self._insert(connection, attempt, ids, slice(start, total), compress=finish)
            segments.append(Segment(block, total - start))
        return Stored(segments, full_rows)

    def adopt(self, stored: Stored) -> None:
        """Take note of what is on the disk now, and let go of rows in full blocks."""
        self._segments = stored.segments
        full = slice(stored.full_rows)
        del self._steps[full], self._epochs[full], self._times[full]
        for column in self._columns:
            del column[full]

    def _insert(
        self, connection: sqlite3.Connection, attempt: int, ids: Sequence[int], rows: slice, *, compress: bool
    ) -> int:
        steps, epochs, times = self._steps[rows], self._epochs[rows], self._times[rows]
        connection.execute(
            "INSERT INTO block (attempt, count, first_step, last_step, axis) VALUES (?, ?, ?, ?, ?)",
            (attempt, len(steps), min(steps), max(steps), encode_axis(steps, epochs, times)),
        )
        block = int(connection.execute("SELECT last_insert_rowid()").fetchone()[0])
        for metric, column in zip(ids, self._columns, strict=True):
            values = column[rows]
            level = summary = None
            if len(values) == self.capacity:
                level = extremes(Series(steps, epochs, values, times), LEVEL)
                summary = encode_series(extremes(level, len(level)))
            connection.execute(
                "INSERT INTO chunk (metric, block, summary, level, points) VALUES (?, ?, ?, ?, ?)",
                (metric, block, summary, level and encode_series(level), encode_values(values, compress=compress)),
            )
        return block

    @staticmethod
    def _delete(connection: sqlite3.Connection, ids: Sequence[int], blocks: Sequence[int]) -> None:
        for block in blocks:
            connection.execute("DELETE FROM block WHERE id = ?", (block,))
            connection.executemany(
                "DELETE FROM chunk WHERE metric = ? AND block = ?", [(metric, block) for metric in ids]
            )
