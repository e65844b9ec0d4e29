"""A background callback: its lane, and what its lane's thread does with each item."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from lineside.callback import Callback
from lineside.dispatch.guard import Bound, Guard
from lineside.dispatch.items import EventItem, Item, Marker, RecordsItem, Task
from lineside.dispatch.lanes import Lane, LaneLimits
from lineside.dispatch.snapshot import RunSnapshot
from lineside.sink import Sink

STATE_TIMEOUT = 2.0
"""Seconds that a save waits for the state of a background callback that is behind."""


class BackgroundCallback:
    """Runs one callback on a thread of its own.

    Args:
        callback: the callback.
        guard: judges its failures.
        fatal: gets the error of a callback that must end the run; the training thread raises it at a safe point.
        directory: where its queue overflows to.
        limits: how much may wait in memory.
    """

    def __init__(
        self,
        callback: Callback,
        guard: Guard,
        fatal: deque[BaseException],
        directory: Path | None = None,
        limits: LaneLimits | None = None,
    ) -> None:
        self.callback = callback
        self.lane = Lane(callback.name, self._handle, limits, directory)
        self.write: Bound | None = None
        if isinstance(callback, Sink):
            self.write = Bound(callback, "write", lambda records: callback.write(records, self._snapshot))
        self._snapshot: Any = None
        self._guard = guard
        self._fatal = fatal
        self._stateful = type(callback).state_dict is not Callback.state_dict
        self._stateful |= type(callback).state_tensors is not Callback.state_tensors
        self._last: Marker | None = None
        self._patience = STATE_TIMEOUT

    def see(self, snapshot: RunSnapshot) -> None:
        """Remember the run as a sink gets it when it writes."""
        self._snapshot = snapshot.by(self.callback.name)

    def _handle(self, item: Item) -> None:
        if isinstance(item, EventItem):
            self.see(item.snapshot)
            self._call(item.hook, self._snapshot, item.payload)
        elif isinstance(item, RecordsItem):
            if self.write is not None:
                self._call(self.write, item.records)
        elif isinstance(item, Marker):
            self._answer(item)
        elif isinstance(item, Task):
            self._call(Bound(self.callback, "task", lambda _: item.do()), None)

    def _call(self, hook: Bound, subject: Any, payload: Any = None) -> None:
        before = perf_counter_ns()
        try:
            if payload is None:
                hook.call(subject)
            else:
                hook.call(subject, payload)  # type: ignore[call-arg]
            hook.streak = 0
        except Exception as error:
            try:
                self._guard.failed(hook, error)
            except Exception as final:
                self._fatal.append(final)
        spent = perf_counter_ns() - before
        hook.cost.total += spent
        hook.cost.buckets[spent.bit_length()] += 1

    def _answer(self, marker: Marker) -> None:
        try:
            marker.state, marker.tensors = self.callback.state_dict(), dict(self.callback.state_tensors())
        except Exception as error:
            self._fatal.append(error)
        marker.answered.set()

    def ask_state(self) -> Marker | None:
        """Put a marker into the queue; None if the callback has no state to ask for."""
        if not self._stateful:
            return None
        marker = Marker()
        self.lane.put(marker)
        return marker

    def wait_state(self, marker: Marker) -> tuple[dict[str, Any], dict[str, Any], bool]:
        """Return the state and tensors at a marker, and whether they are from this marker or an earlier one.

        A callback that did not answer in time once is not waited for again until it has caught up: a save must not
        hang on a hanging sink.
        """
        if marker.answered.wait(self._patience):
            self._patience, self._last = STATE_TIMEOUT, marker
            return marker.state or {}, marker.tensors, True
        self._patience = 0.0
        if self._last is None:
            return {}, {}, False
        return self._last.state or {}, self._last.tensors, False
