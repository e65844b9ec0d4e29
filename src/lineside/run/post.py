"""`Post`: alerts that have a route are recorded in the outbox, and a process beside the run sends them."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from lineside.errors import LinesideError
from lineside.outbox.addresses import given_by
from lineside.outbox.limits import Limits
from lineside.outbox.outbox import Draft, Outbox, new_key
from lineside.outbox.places import DATABASE
from lineside.outbox.process import SenderProcess
from lineside.outbox.routes import write_routes
from lineside.outbox.sending import Order
from lineside.outbox.standing import OutboxStanding
from lineside.ports import Alert, AlertPayload, Route
from lineside.run.senders import SENDERS

log = logging.getLogger("lineside")

_MOST: Final = 1_000
"""Drafts that may wait in memory while the outbox cannot be written."""
_PATIENCE: Final = 5.0
"""Seconds between two tries to write an outbox that could not be written."""


class Post:
    """A run's way to its outbox. Without a route, and without anything left from before, it opens and starts nothing.

    `alert` may be called from any thread; the others by one after the other.

    Args:
        directory: of the run.
        routes: of all its callbacks.
        resumed_step: of the checkpoint from which this attempt goes on; None where it begins from nothing.
        evaluates: the run is over, and only evaluated; the routes that its training left stay.
        clock: monotonic seconds.
        limits: of the outbox.
    """

    def __init__(
        self,
        directory: Path,
        routes: Sequence[Route],
        resumed_step: int | None = None,
        *,
        evaluates: bool = False,
        clock: Callable[[], float] = time.monotonic,
        limits: Limits | None = None,
    ) -> None:
        self.lost = 0
        self._directory = directory
        self._routes = routes
        self._resumed_step = resumed_step
        self._evaluates = evaluates
        self._clock = clock
        self._outbox = Outbox(directory, limits)
        self._sender = SenderProcess(
            Order(directory, SENDERS, given_by(routes), limits=limits or Limits()), self._say, clock
        )
        self._later: list[Draft] = []
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._pid = os.getpid()
        self._said: set[str] = set()

    @property
    def destinations(self) -> list[str]:
        """Where alerts go, as references."""
        return sorted({route.reference for route in self._routes})

    def start(self) -> None:
        """Leave the routes for whoever watches over the training, and see to what an earlier attempt has left."""
        try:
            if not self._evaluates:
                write_routes(self._directory, self._routes)
        except OSError as error:
            log.warning("The routes of alerts could not be left in %s: %s.", self._directory, error)
        standing = self.standing()
        if standing is not None and standing.waiting:
            log.info("%d deliveries of earlier attempts are sent now.", standing.waiting)
            self._sender.want()

    def alert(self, alert: Alert, payload: AlertPayload) -> None:
        """Record a delivery for each destination to which an alert goes.

        A durable one is on the disk when this returns, others soon after; one that the disk does not take now waits in
        memory, and is tried again. Nothing is raised: an alert must not end a training.
        """
        destinations = {route.reference for route in self._routes if route.takes(alert.level, alert.author)}
        if not destinations:
            return
        if os.getpid() != self._pid:
            log.warning("%r was raised in a forked process, and is not delivered.", alert.title)
            return
        drafts = [Draft("alert", one, payload, alert.title, self._key(one, payload)) for one in sorted(destinations)]
        with self._lock:
            self._keep(drafts)
            if alert.is_durable:
                self._flush()
        self._sender.want()

    def _key(self, destination: str, payload: AlertPayload) -> str:
        """Return a key that the same alert has again when the steps behind a checkpoint are repeated by a resumed run.

        Only rules that begin and end are known to repeat themselves; anything else may have happened a second time.
        """
        told: list[object] = [destination]
        told += [payload[name] for name in ("run", "author", "phase", "step", "title", "text", "level")]
        resumed_step = -1 if self._resumed_step is None else self._resumed_step
        if payload["phase"] == "once" or payload["step"] <= resumed_step:
            told.append(new_key())
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]

    def _keep(self, drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            if len(self._later) < _MOST:
                self._later.append(draft)
            else:
                self.lost += 1

    def _flush(self) -> None:
        """Record everything that waits in memory, unless that went wrong a moment ago."""
        if not self._later or self._clock() < self._not_before:
            return
        try:
            receipt = self._outbox.record(self._later)
        except LinesideError as error:
            self._not_before = self._clock() + _PATIENCE
            self._say(f"Alerts wait in memory, since the outbox cannot be written: {error}")
            return
        self._later.clear()
        if receipt.refused:
            self._say(f"The outbox of {self._directory} is full: further alerts are counted, and not delivered.")

    def look(self) -> None:
        """Record what waits in memory, and see that the sender lives; called a few times a second."""
        with self._lock:
            self._flush()
        self._sender.look()

    def close(self, seconds: float) -> OutboxStanding | None:
        """Record what waits in memory, give the sender some seconds for a last try, and tell how the outbox stands."""
        with self._lock:
            self._not_before = 0.0
            self._flush()
            self.lost += len(self._later)
        self._sender.close(seconds)
        return self.standing()

    def standing(self) -> OutboxStanding | None:
        """Return how the outbox stands; None where it cannot be read, which is said, or where there is none."""
        if not (self._directory / DATABASE).exists():
            return None
        try:
            return OutboxStanding.read(self._directory)
        except LinesideError as error:
            self._say(str(error))
            return None

    def _say(self, sentence: str) -> None:
        """Say it once; a sender that is started again would repeat itself."""
        if sentence and sentence not in self._said:
            if len(self._said) < _MOST:
                self._said.add(sentence)
            log.warning("%s", sentence)
