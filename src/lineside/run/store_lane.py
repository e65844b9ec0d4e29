"""The run's own sink: everything that happens goes into the store, on a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from lineside.control import Outcome, Request
from lineside.dispatch.items import Task
from lineside.dispatch.lanes import Lane
from lineside.ports import Recorder, RequestInbox, RunView
from lineside.sink import Records, Sink

COMMIT_INTERVAL = 1.0
"""Seconds between two commits: what a kill can take from the curves. Requests are committed at once."""

FLUSH_TIMEOUT = 2.0
"""Seconds that a save waits for the store."""


class StoreSink(Sink):
    """Writes what is logged into the store."""

    name = "store"
    disable_after = None

    def __init__(self, recorder: Recorder, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._recorder = recorder
        self._clock = clock
        self._committed = clock()

    def write(self, records: Records, run: RunView) -> None:
        """Add rows and texts; pictures and files stay where their sinks put them."""
        if records.rows:
            self._recorder.rows(records.rows)
        for medium in records.media:
            if medium.kind == "text":
                self._recorder.text(medium.tag, medium.data, step=medium.step, epoch=medium.epoch, time=medium.time)
        self.commit_if_due()

    def commit_if_due(self) -> None:
        """Put everything on the disk, unless that was done a moment ago."""
        if self._clock() - self._committed >= COMMIT_INTERVAL:
            self.commit()

    def commit(self) -> None:
        """Put everything on the disk."""
        self._committed = self._clock()
        self._recorder.commit()


class StoreLane:
    """Hands events and requests to the store's thread, behind the records before them."""

    def __init__(self, lane: Lane, sink: StoreSink, recorder: Recorder, inbox: RequestInbox) -> None:
        self._lane = lane
        self._sink = sink
        self._recorder = recorder
        self._inbox = inbox
        self._flushed = threading.Event()
        self._flushed.set()

    def event(self, kind: str, step: int, epoch: int, data: Mapping[str, Any]) -> None:
        """Record that something happened."""
        now = time.time()
        self._lane.put(Task(lambda: self._recorder.event(kind, step=step, epoch=epoch, time=now, data=data)))

    def flush(self) -> None:
        """Have everything so far on the disk, or give up after a while: a checkpoint must not wait for a hung store.

        Curves before a checkpoint that is resumed from are not recorded again. After a wait in vain nobody waits until
        the store has caught up.
        """
        caught_up = self._flushed.is_set()
        done = self._flushed = threading.Event()

        def commit() -> None:
            try:
                self._sink.commit()
            finally:
                done.set()

        self._lane.put(Task(commit))
        if caught_up:
            self._lane.hurry()
            done.wait(FLUSH_TIMEOUT)

    def request(self, request: Request, outcome: Outcome) -> None:
        """Record what became of a request; one from outside leaves the inbox when the record is on the disk."""

        def record() -> None:
            self._recorder.request(request, outcome)
            self._sink.commit()
            if request.origin == "operator":
                self._inbox.done(request.id)

        self._lane.put(Task(record))
