"""A background callback: its lane, and what its lane's thread does with each item."""

from __future__ import annotations

import copy
import logging
from collections import deque
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from lineside.callback import Callback
from lineside.dispatch.guard import Bound, Guard
from lineside.dispatch.items import EventItem, Item, Marker, RecordsItem, Task
from lineside.dispatch.lanes import Lane, LaneLimits
from lineside.sink import Sink

log = logging.getLogger("lineside")

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
            self.write = Bound(callback, "write", lambda item: callback.write(item.records, self._snapshot))
        self._task = Bound(callback, "task", lambda task: task.do())
        self._snapshot: Any = None
        self._guard = guard
        self._fatal = fatal
        self._asked: deque[Marker] = deque()
        self._last: Marker | None = None
        self._late: Marker | None = None

    def _handle(self, item: Item) -> None:
        if isinstance(item, EventItem):
            self._snapshot = item.snapshot.by(self.callback.name)
            self._call(item.hook, self._snapshot, item.payload)
        elif isinstance(item, RecordsItem):
            if self.write is not None:
                self._call(self.write, item)
        elif isinstance(item, Marker):
            self._answer(item)
        elif isinstance(item, Task):
            self._call(self._task, item)

    def _call(self, hook: Bound, subject: Any, payload: Any = None) -> None:
        if hook.disabled:  # while this item waited
            return
        before = perf_counter_ns()
        try:
            if payload is None:
                hook.call(subject)
            else:
                hook.call(subject, payload)  # type: ignore[call-arg]
            hook.streak = 0
        except Exception as error:  # noqa: BLE001 - isolating whatever a callback raises is the point
            try:
                self._guard.failed(hook, error)
            except Exception as final:  # noqa: BLE001 - it is handed to the training thread
                self._fatal.append(final)
        except BaseException as final:  # noqa: BLE001 - SystemExit ends the run, as it does inline
            self._fatal.append(final)
        hook.cost.add(perf_counter_ns() - before)

    def _answer(self, marker: Marker) -> None:
        try:
            # Copied here, since the callback goes on while the training thread writes the checkpoint.
            marker.state = copy.deepcopy(self.callback.state_dict())
            marker.tensors = dict(self.callback.state_tensors())
        except Exception as error:
            if self.callback.on_error == "raise":
                self._fatal.append(error)
            log.exception("The state of callback %s could not be taken.", self.callback.name)
        marker.answered.set()

    def ask_state(self) -> Marker | None:
        """Put a marker into the queue; None if the callback has no state to ask for."""
        if not self.callback.has_state:
            return None
        self._newest_answer()
        marker = Marker()
        self._asked.append(marker)
        self.lane.put(marker)
        return marker

    def wait_state(self, marker: Marker) -> Marker | None:
        """Return a marker when it is answered; if that takes too long, the newest that is answered, or None.

        After a wait in vain nobody waits until that marker is answered: a save must not hang on a hanging sink.
        """
        if self._late is None or self._late.answered.is_set():
            self.lane.hurry()
            self._late = None if marker.answered.wait(STATE_TIMEOUT) else marker
        return self._newest_answer()

    def _newest_answer(self) -> Marker | None:
        while self._asked and self._asked[0].answered.is_set():
            self._last = self._asked.popleft()
        return self._last
