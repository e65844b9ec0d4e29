"""What travels in a lane: events, records and markers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol

from lineside.dispatch.guard import Bound
from lineside.dispatch.snapshot import RunSnapshot
from lineside.metrics import Scalar
from lineside.ports import LogRow
from lineside.sink import Medium, Records

_ROW_BYTES = 120
_SNAPSHOT_BYTES = 2000


class Item(Protocol):
    """Something that waits in a lane."""

    @property
    def weight(self) -> int:
        """Estimated size in bytes."""
        ...

    def unloaded(self) -> tuple[Item, Any]:
        """Return a light shell of this item, and the plain data to be kept on disk (None for nothing)."""
        ...

    def load(self, plain: Any) -> None:
        """Fill a shell again."""
        ...


class EventItem:
    """An event with the run as it was then, and the hook that is to see it."""

    __slots__ = ("hook", "payload", "snapshot")
    weight = _SNAPSHOT_BYTES

    def __init__(self, hook: Bound, snapshot: RunSnapshot, payload: Any = None) -> None:
        self.hook = hook
        self.snapshot = snapshot
        self.payload = payload

    def unloaded(self) -> tuple[EventItem, Any]:
        """The snapshot goes to disk; the hook and the payload stay, they are small."""
        return EventItem(self.hook, self.snapshot.emptied(), self.payload), self.snapshot.plain()

    def load(self, plain: Any) -> None:
        """Fill the snapshot again."""
        self.snapshot = self.snapshot.filled(plain)


class RecordsItem:
    """Rows and media, shared by all sinks.

    Values that are still on a device are read once, by the first sink's thread that asks: never by the training
    thread.
    """

    __slots__ = ("_lock", "_of_batches", "_read", "_resolved", "_rows", "media", "weight")

    def __init__(
        self,
        rows: Sequence[LogRow],
        media: Sequence[Medium],
        read: Callable[[Sequence[Scalar]], list[float]],
        *,
        of_batches: bool = False,
    ) -> None:
        self._rows: Sequence[LogRow] = rows
        self._of_batches = of_batches
        self.media = media
        self._read = read
        self._resolved = False
        self._lock = threading.Lock()
        self.weight = _ROW_BYTES * len(rows) + sum(len(medium.data) for medium in media)

    def __len__(self) -> int:
        """Return how many records there are."""
        return len(self._rows) + len(self.media)

    @property
    def records(self) -> Records:
        """The records, with all values as Python numbers."""
        with self._lock:
            if not self._resolved:
                self._rows = resolve(self._rows, self._read)
                if self._of_batches:
                    self._rows = [
                        (*row[:3], {batch_name(name): value for name, value in row[3].items()}) for row in self._rows
                    ]
                self._resolved = True
        return Records(self._rows, self.media)

    def unloaded(self) -> tuple[RecordsItem, Any]:
        """Rows of numbers go to disk. Values on a device stay: reading them here would make the training wait."""
        if self.media or any(type(value) is not float for row in self._rows for value in row[3].values()):
            return self, None
        return RecordsItem((), (), self._read), [(*row[:3], dict(row[3])) for row in self._rows]

    def load(self, plain: Any) -> None:
        """Fill the rows again."""
        self._rows = plain


def resolve(rows: Sequence[LogRow], read: Callable[[Sequence[Scalar]], list[float]]) -> Sequence[LogRow]:
    """Turn all scalars that live on a device into numbers, with one read."""
    waiting = [value for row in rows for value in row[3].values() if type(value) is not float]
    if not waiting:
        return rows
    numbers = iter(read(waiting))
    return [
        (step, epoch, time, {name: value if type(value) is float else next(numbers) for name, value in values.items()})
        for step, epoch, time, values in rows
    ]


@cache
def batch_name(name: str) -> str:
    """Return the name of a batch's value: ``batch/loss`` for ``train/loss``, whose own curve is that of the epochs."""
    return "batch/" + name.removeprefix("train/")


class Marker:
    """Asks a background callback for its state at this point of its queue."""

    __slots__ = ("answered", "state", "tensors")
    weight = 0

    def __init__(self) -> None:
        self.answered = threading.Event()
        self.state: dict[str, Any] | None = None
        self.tensors: dict[str, Any] = {}

    def unloaded(self) -> tuple[Marker, Any]:
        """A marker has nothing to unload."""
        return self, None

    def load(self, plain: Any) -> None:
        """Nothing to fill."""


class Task:
    """Something to be done on the lane's thread at this point of its queue."""

    __slots__ = ("do",)
    weight = 0

    def __init__(self, do: Callable[[], None]) -> None:
        self.do = do

    def unloaded(self) -> tuple[Task, Any]:
        """A task has nothing to unload."""
        return self, None

    def load(self, plain: Any) -> None:
        """Nothing to fill."""
