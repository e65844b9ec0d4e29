"""The stream of what is logged: the training thread appends, lanes are fed a few times a second."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from lineside.dispatch.items import RecordsItem
from lineside.dispatch.lanes import Lane
from lineside.metrics import Scalar
from lineside.ports import LogRow
from lineside.sink import Medium


class RecordStream:
    """Collects rows of batches, and hands them to the lanes of all sinks in one piece.

    Attributes:
        append: adds a row of a batch; a deque's `append`, the cheapest thing that is safe beside another thread.
        extend: adds several.
    """

    def __init__(self, lanes: Sequence[Lane], read: Callable[[Sequence[Scalar]], list[float]]) -> None:
        self._rows: deque[LogRow] = deque()
        self.append: Callable[[LogRow], None] = self._rows.append if lanes else _nobody_listens
        self.extend: Callable[[Iterable[LogRow]], None] = self._rows.extend if lanes else _nobody_listens
        self._lanes = lanes
        self._read = read
        self._lock = threading.Lock()

    def flush(self) -> None:
        """Hand over what was collected. Rows of batches are dropped, and counted, where a lane is full."""
        with self._lock:
            rows = [self._rows.popleft() for _ in range(len(self._rows))]
            if rows:
                item = RecordsItem(rows, (), self._read, of_batches=True)
                for lane in self._lanes:
                    lane.put(item, droppable=len(rows))

    def keep(self, rows: Sequence[LogRow] = (), media: Sequence[Medium] = ()) -> None:
        """Hand over something that must not be lost, behind all rows collected so far."""
        self.flush()
        item = RecordsItem(rows, media, self._read)
        for lane in self._lanes:
            lane.put(item)


def _nobody_listens(rows: object) -> None:
    """Drop what is logged: there is neither a store nor a sink."""
