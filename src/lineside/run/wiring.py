"""The threads and the process beside a run: lanes, store, poller, helper; started together, closed together."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lineside.callback import Callback
from lineside.control import Outcome, Request
from lineside.dispatch.background import BackgroundCallback
from lineside.dispatch.dispatcher import Dispatcher
from lineside.dispatch.items import Task
from lineside.dispatch.offload import HelperProcess
from lineside.dispatch.poller import CostWatch, HangWatch, Poller
from lineside.dispatch.records import RecordStream
from lineside.outbox.standing import OutboxStanding
from lineside.run.attach import routes_of
from lineside.run.post import Post
from lineside.run.pulse import Pulse
from lineside.run.session import Session
from lineside.run.store_lane import StoreLane, StoreSink
from lineside.sink import Sink
from lineside.store.inbox import Inbox

if TYPE_CHECKING:
    from lineside.run.run import Run

log = logging.getLogger("lineside")

REPORT_INTERVAL = 5.0
"""Seconds between two writes of the run's progress into its record, which is its heartbeat."""


LEAVING = 2.0
"""Seconds that alerts get when a run is interrupted: how it ended must be written down before the kill that may follow,
and whoever resumes the run sends the rest."""


class Wiring:
    """Connects a run to everything that stands beside the training thread."""

    def __init__(self, run: Run, session: Session, callbacks: Sequence[Callback]) -> None:
        self._run = run
        self._session = session
        self._callbacks = [callback for callback in callbacks if callback.enabled]
        directory = session.directory
        self.dispatcher = Dispatcher(
            [callback for callback in callbacks if callback.enabled and (callback.ranks == "all" or run.rank == 0)],
            run,
            run.freeze,
            run.report_failure,
            directory.path,
            run.wake,
        )
        self._recorder = session.open_store()
        self._sink = StoreSink(self._recorder)
        self._store = BackgroundCallback(self._sink, self.dispatcher.guard, self.dispatcher.fatal, directory.path)
        self._inbox = Inbox(directory.inbox)
        self.store = StoreLane(self._store.lane, self._sink, self._recorder, self._inbox)
        sinks = [
            background.lane
            for background in self.dispatcher.background.values()
            if isinstance(background.callback, Sink)
        ]
        self.records = RecordStream([self._store.lane, *sinks], run.host_port.read)
        self.dispatcher.flush = self.records.flush
        self.helper = HelperProcess(self._job_failed)
        self._pulse = Pulse(run)
        resumed_step = None if session.branched else session.resumed_step
        self.post = Post(directory.path, routes_of(self._callbacks), resumed_step, evaluates=session.evaluates)
        self._reported = time.monotonic()
        self._inbox_is_open = False
        self._poller = Poller(
            [
                self.records.flush,
                self._commit,
                self._poll_inbox,
                self._report,
                self.post.look,
                HangWatch(self.dispatcher),
                CostWatch(self.dispatcher, lambda: run.progress.wall),
            ]
        )

    def start(self) -> None:
        """Start all threads; the processes start with their first jobs."""
        self._store.lane.start()
        self.dispatcher.start()
        self.post.start()
        self._poller.start()

    def open_inbox(self) -> None:
        """Let requests from outside in, once it is known which of them earlier attempts have answered."""
        self._inbox_is_open = True

    def _commit(self) -> None:
        if not self._store.lane.waiting:
            self._store.lane.put(Task(self._sink.commit_if_due))

    def _poll_inbox(self) -> None:
        for request in self._inbox.poll() if self._inbox_is_open else ():
            if self._run.requests.knows(request.id):
                self._inbox.done(request.id)
            else:
                self._run.request(request)

    def _report(self) -> None:
        now = time.monotonic()
        if now - self._reported >= REPORT_INTERVAL:
            self._reported = now
            self._session.report(self._run.progress.summary(), self._pulse.look())

    def _job_failed(self, target: str, trace: str) -> None:
        log.error("%s failed in the helper process; training goes on.\n%s", target, trace)

    def record_request(self, request: Request, outcome: Outcome) -> None:
        """Write down what became of a request."""
        self.store.request(request, outcome)

    def await_figures(self) -> None:
        """Let the helper process draw what was asked for, so that sinks get it before the run is torn down."""
        self.helper.await_deliveries(max(1.0, *self._deadlines()))

    def close_lanes(self) -> list[str]:
        """Let all callbacks finish within their deadlines; return the names of those that did not."""
        self._poller.close()
        self.records.flush()
        return self.dispatcher.close(time.monotonic)

    def close_post(self, since: float, *, leaving: bool) -> OutboxStanding | None:
        """Let alerts be sent until the deadline, counted from when the end began; return how the outbox stands.

        With `leaving` the process was told to go and may soon be killed: it takes `LEAVING` seconds at most.
        """
        seconds = max(1.0, *self._deadlines()) - (time.monotonic() - since)
        return self.post.close(max(1.0, min(seconds, LEAVING) if leaving else seconds))

    def close_store(self) -> list[str]:
        """Put the last records on the disk; tell, as `close_lanes` does, whether that took too long."""
        self.records.flush()
        self._store.lane.put(Task(self._recorder.close))
        late = [] if self._store.lane.join(time.monotonic() + self._sink.close_timeout) else ["store"]
        if self._recorder.dropped_values:
            log.warning("The store could not keep up: %d values were dropped.", self._recorder.dropped_values)
        if self._store.lane.dropped:
            log.warning("The disk was too slow: %d batch records are missing in the store.", self._store.lane.dropped)
        return late

    def close_helper(self) -> list[str]:
        """Let the helper process do what waits, and what waited for the end; tell whether that took too long."""
        return [] if self.helper.close(max(1.0, *self._deadlines())) else ["helper process"]

    def _deadlines(self) -> Sequence[float]:
        return [callback.close_timeout for callback in self._callbacks] or [10.0]
