"""The one thread that looks after a run a few times a second, so that the training thread need not."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from time import monotonic

from lineside.dispatch.dispatcher import Dispatcher
from lineside.dispatch.guard import Bound

log = logging.getLogger("lineside")

INTERVAL = 0.2
"""Seconds between two rounds."""


class Poller:
    """Calls its tasks in turn until it is closed. A task that fails is logged once and called again."""

    def __init__(self, tasks: Sequence[Callable[[], None]], interval: float = INTERVAL) -> None:
        self._tasks = tasks
        self._interval = interval
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="lineside-poller", daemon=True)
        self._failed: set[Callable[[], None]] = set()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def _work(self) -> None:
        while not self._closing.wait(self._interval):
            self.round()

    def round(self) -> None:
        """Call every task once."""
        for task in self._tasks:
            try:
                task()
            except Exception:
                if task not in self._failed:
                    self._failed.add(task)
                    log.exception("A task beside the training failed; it will be tried again.")

    def close(self, timeout: float = 2.0) -> None:
        """Stop; a thread that hangs in a task is left behind."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout)


class HangWatch:
    """Names an inline callback that has not come back for a while; not cut: the thread is the training's."""

    def __init__(self, dispatcher: Dispatcher, after: float = 30.0, clock: Callable[[], float] = monotonic) -> None:
        self._dispatcher = dispatcher
        self._after = after
        self._clock = clock
        self._seen: tuple[Bound | None, int] = (None, 0)
        self._since = 0.0
        self._named = False

    def __call__(self) -> None:
        """Look once."""
        hook = self._dispatcher.current
        seen = (hook, hook.cost.total if hook is not None else 0)
        if hook is None or seen != self._seen:
            self._seen, self._since, self._named = seen, self._clock(), False
        elif not self._named and self._clock() - self._since >= self._after:
            self._named = True
            log.warning("The callback %s has kept the training waiting for over %.0f s.", hook, self._after)


class CostWatch:
    """Names, once, an inline callback that takes more than a share of the run."""

    def __init__(
        self, dispatcher: Dispatcher, elapsed: Callable[[], float], share: float = 0.1, after: float = 30.0
    ) -> None:
        self._dispatcher = dispatcher
        self._elapsed = elapsed
        self._share = share
        self._after = after
        self._named: set[str] = set()

    def __call__(self) -> None:
        """Look once."""
        elapsed = self._elapsed()
        if elapsed < self._after:
            return
        for cost in self._dispatcher.costs(elapsed):
            if cost.lane == "inline" and cost.share > self._share and cost.name not in self._named:
                self._named.add(cost.name)
                log.warning(
                    "The callback %s takes %.0f %% of the run, %.1f ms a call.",
                    cost.name,
                    100 * cost.share,
                    1e3 * cost.mean,
                )
