"""`DataWait`: how long training waits for its batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

_Batch = TypeVar("_Batch")


class DataWait:
    """How the time among training batches is divided: waiting for them, and working with them.

    Written on the training thread, and read on any. The first batch of an epoch is counted apart: a loader starts its
    workers then.

    Attributes:
        seconds: waited for batches, without the first ones.
        first_seconds: waited for the first batch of each epoch, or of the rest of one where a run was resumed.
        busy_seconds: between getting a batch and asking for the next: the step, callbacks and saves.
        batches: how many there were.
        workers: processes that load beside the training; None where the loader does not tell.
        among_batches: whether an epoch is among its batches now.
    """

    __slots__ = ("among_batches", "batches", "busy_seconds", "first_seconds", "seconds", "workers")

    def __init__(self) -> None:
        self.batches = 0
        self.seconds = self.first_seconds = self.busy_seconds = 0.0
        self.workers: int | None = None
        self.among_batches = False

    @property
    def total_seconds(self) -> float:
        """All time among batches."""
        return self.seconds + self.first_seconds + self.busy_seconds

    def leave_out(self, seconds: float) -> None:
        """Take time out that had nothing to do with training batches, such as that of a validation between two."""
        self.busy_seconds -= seconds

    def measured(self, feed: Iterator[_Batch], workers: int | None, clock: Callable[[], float]) -> Iterator[_Batch]:
        """Yield the batches of a feed, and measure; the feed is closed when this is.

        Args:
            feed: the batches of an epoch.
            workers: how many processes load them.
            clock: seconds of training; while a run pauses it stands still.
        """
        self.workers, self.among_batches = workers, True
        try:
            asked = clock()
            for batch in feed:
                got = clock()
                self.first_seconds += got - asked
                self.batches += 1
                yield batch
                asked = clock()
                self.busy_seconds += asked - got
                break
            for batch in feed:
                got = clock()
                self.seconds += got - asked
                self.batches += 1
                yield batch
                asked = clock()
                self.busy_seconds += asked - got
        finally:
            self.among_batches = False
            close: Callable[[], None] | None = getattr(feed, "close", None)
            if close is not None:
                close()


class LoadedBeside(Protocol):
    """A loader that may have workers; the part of `BatchSource` about them."""

    @property
    def workers(self) -> int | None:
        """Processes that load beside the training; None where the loader does not tell."""


class DataView(Protocol):
    """How long training waits for data; the part of `RunView` about it."""

    def measure_data_wait(self) -> DataWait:
        """Measure from now on, in this attempt, how long training waits for its batches; inline only.

        It costs two readings of a clock a batch, and nothing while nobody has asked.
        """
