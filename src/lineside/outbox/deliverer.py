"""`Deliverer`: what is tried when, and what follows from how it went."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol

from lineside.errors import DestinationUnresolved, StoreError
from lineside.outbox.addresses import Addresses
from lineside.outbox.back_off import wait_after
from lineside.outbox.ledger import Ledger, Waiting
from lineside.outbox.limits import Limits

LOOK: Final = 0.5
"""Seconds between two looks at the outbox; others may write into it."""
_HELD: Final = 60.0
"""Seconds between two looks whether a secret that was missing is there."""
_MINUTE: Final = 60.0


class Hands(Protocol):
    """Who sends: a crew of worker processes, or what stands for it in tests."""

    @property
    def is_full(self) -> bool:
        """Whether nothing more can be sent at this moment."""

    def give(self, job: Mapping[str, Any]) -> Any:
        """Begin to send, and return the worker that does. Raises `OSError` where no process can be started."""

    def free(self, worker: Any) -> None:
        """Say that a worker is done."""

    def bury(self, worker: Any) -> None:
        """End a worker."""


@dataclass(slots=True)
class _Line:
    """One destination: its oldest delivery, and from when on that may be tried, in monotonic seconds."""

    head: Waiting
    ready: float
    asked: bool
    in_trouble: bool = False


@dataclass(slots=True)
class _Flight:
    """A delivery on its way, and until when it may be."""

    line: _Line
    until: float


class Deliverer:
    """Sends what waits in an outbox: of each destination one delivery after the other, in the order of their recording.

    It never waits itself: its owner calls `round` when something has happened or `pause` seconds have passed, and
    `answer` with what workers say. Waits are measured on the monotonic clock, so that a jump of the other one neither
    hurries nor delays anything for longer than a wait can be.

    Args:
        ledger: of the outbox.
        hands: who sends.
        addresses: what destinations stand for.
        senders: ``module:Class`` by kind.
        limits: the bounds.
        notice: told in a sentence when a destination is in trouble, is reached again, or a delivery is given up.
        directory: of the run.
        clock: monotonic seconds.
        wall: seconds since 1970.
        draw: where chance comes from.
    """

    def __init__(
        self,
        ledger: Ledger,
        hands: Hands,
        addresses: Addresses,
        senders: Mapping[str, str],
        limits: Limits,
        notice: Callable[[str], None],
        *,
        directory: Path,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        draw: Random | None = None,
    ) -> None:
        self.sent = self.failed = 0
        self._ledger = ledger
        self._hands = hands
        self._addresses = addresses
        self._senders = senders
        self._limits = limits
        self._notice = notice
        self._directory = directory
        self._clock = clock
        self._wall = wall
        self._draw = draw or Random()  # noqa: S311 - jitter
        self._lines: dict[str, _Line] = {}
        self._flights: dict[Any, _Flight] = {}
        self._unwritten: deque[tuple[str, Callable[[], None]]] = deque()
        self._stale = True
        self._hurried = self._blocked = False
        self._complaint = ""

    def hurry(self) -> None:
        """Try at once what only waits because it failed; a receiver that asked for time keeps it."""
        self._hurried = True

    def round(self) -> None:
        """Cut what takes too long, write down what is not written yet, and begin what is due."""
        now = self._clock()
        for worker, flight in list(self._flights.items()):
            if now >= flight.until:
                self._land(worker, {"again": "there was no answer in time, and it was cut off"}, alive=False)
        try:
            self._write_down()
            if self._ledger.changed() or self._stale:
                self._look()
            self._begin_all()
            self._blocked = False
        except StoreError as error:
            self._blocked = True
            self._complain(str(error))

    def pause(self) -> float:
        """Return for how many seconds there is nothing to do, at most `LOOK`."""
        now = self._clock()
        times = [flight.until for flight in self._flights.values()]
        if not self._blocked:
            times += [line.ready for line in self._lines.values() if self._may_begin(line)]
        return max(0.0, min(LOOK, *(moment - now for moment in times))) if times else LOOK

    def has_work_before(self, moment: float) -> bool:
        """Tell whether something is on its way, unwritten, or will be tried before a time of the monotonic clock."""
        return bool(
            self._flights or self._unwritten or self._stale or any(line.ready < moment for line in self._lines.values())
        )

    def answer(self, worker: Any, message: Mapping[str, Any] | None) -> None:
        """Take what a worker says; None if it has died."""
        flight = self._flights.get(worker)
        if message is not None and "begun" in message:
            if flight is not None:
                flight.until = self._clock() + self._limits.send_seconds
        elif flight is not None:
            self._land(worker, message or {"again": "the process that sent it died"}, alive=message is not None)
        elif message is None:
            self._hands.bury(worker)

    def _look(self) -> None:
        """Take the heads anew. One that is known keeps its wait; that of others is as it was recorded."""
        lines = {}
        for head in self._ledger.heads():
            line = self._lines.get(head.destination)
            if line is None or line.head.id != head.id:
                wait = head.due - self._wall()
                # No wait is longer than this: the clock was put back.
                is_sound = wait <= self._limits.longest_asked
                ready = self._clock() + wait if wait > 0 and is_sound else -inf
                line = _Line(head, ready, head.asked, line is not None and line.in_trouble)
            else:
                line.head = head
            lines[head.destination] = line
        self._lines, self._stale = lines, False

    def _begin_all(self) -> None:
        # Those in trouble last, and never with all hands: who hangs must not keep others waiting.
        for line in sorted(self._lines.values(), key=lambda line: (line.in_trouble, line.head.id)):
            if self._hurried and not line.asked:
                line.ready = -inf
            if self._clock() >= line.ready and self._may_begin(line):
                self._begin(line)
        self._hurried = False

    def _may_begin(self, line: _Line) -> bool:
        if self._hands.is_full or self._is_busy(line.head.destination):
            return False
        in_trouble = sum(flight.line.in_trouble for flight in self._flights.values())
        return not line.in_trouble or in_trouble < max(1, self._limits.workers - 1)

    def _is_busy(self, destination: str) -> bool:
        return any(flight.line.head.destination == destination for flight in self._flights.values()) or any(
            name == destination for name, _ in self._unwritten
        )

    def _begin(self, line: _Line) -> None:
        head, now = line.head, self._clock()
        target = self._senders.get(head.kind)
        if head.payload is None:
            self._give_up(line, "its record is damaged")
            return
        if target is None:
            self._hold(line, f"nothing here sends deliveries of the kind {head.kind!r}")
            return
        recent = self._ledger.sent_since(head.destination, self._wall() - _MINUTE)
        if len(recent) >= self._limits.per_minute:
            line.ready = now + recent[-self._limits.per_minute] + _MINUTE - self._wall() + 0.001
            return
        try:
            resolved = self._addresses.resolve(head.destination, head.seal)
        except DestinationUnresolved as missing:
            self._hold(line, missing.why)
            return
        job = {
            "target": target,
            **{name: getattr(head, name) for name in ("key", "kind", "destination", "payload", "tries")},
            "address": resolved.address,
            "secrets": resolved.secrets,
            "directory": str(self._directory),
        }
        try:
            worker = self._hands.give(job)
        except OSError as error:
            self._complain(f"No process can be started to send alerts: {error}.")
            line.ready = now + self._limits.first_wait
            return
        self._flights[worker] = _Flight(line, now + self._limits.start_seconds)

    def _land(self, worker: Any, verdict: Mapping[str, Any], *, alive: bool) -> None:
        line = self._flights.pop(worker).line
        (self._hands.free if alive else self._hands.bury)(worker)
        if "sent" in verdict:
            self._arrived(line)
        elif "never" in verdict:
            self._give_up(line, str(verdict["never"]))
        else:
            after = verdict.get("after")
            self._try_again(line, str(verdict["again"]), float(after) if isinstance(after, (int, float)) else None)

    def _arrived(self, line: _Line) -> None:
        head = line.head
        self.sent += 1
        if line.in_trouble:
            line.in_trouble = False
            self._notice(f"{head.destination} is reached again.")
        self._conclude(head, lambda: self._ledger.end(head.id, "sent", head.tries + 1))

    def _give_up(self, line: _Line, reason: str) -> None:
        head = line.head
        self.failed += 1
        self._notice(f"{head.title!r} was not delivered to {head.destination} and is given up: {reason}.")
        self._conclude(head, lambda: self._ledger.end(head.id, "failed", head.tries + 1, reason))

    def _try_again(self, line: _Line, reason: str, after: float | None) -> None:
        head, limits = line.head, self._limits
        tries, age = head.tries + 1, self._wall() - head.recorded
        if tries >= limits.tries or (tries >= limits.least_tries and age > limits.age):
            self._give_up(line, f"{reason} (tried {tries} times)")
            return
        wait = wait_after(tries, after, limits, self._draw)
        line.ready, line.asked = self._clock() + wait, after is not None
        self._say_trouble(line, reason)
        self._conclude(head, lambda: self._ledger.again(head.id, tries, wait, reason, asked=after is not None))

    def _hold(self, line: _Line, why: str) -> None:
        """Let a delivery wait that cannot be tried here; that is no try."""
        head = line.head
        line.ready, line.asked = self._clock() + _HELD, False
        self._say_trouble(line, why)
        self._conclude(head, lambda: self._ledger.again(head.id, head.tries, 0.0, why))

    def _say_trouble(self, line: _Line, why: str) -> None:
        if not line.in_trouble:
            line.in_trouble = True
            self._notice(f"{line.head.title!r} has not reached {line.head.destination}: {why}. It waits in the outbox.")

    def _conclude(self, head: Waiting, write: Callable[[], None]) -> None:
        """Write down what became of a delivery, now or, if the disk cannot take it, later.

        Until then its destination gets nothing: what has arrived must not be sent a second time.
        """
        self._unwritten.append((head.destination, write))
        try:
            self._write_down()
        except StoreError as error:
            self._complain(str(error))

    def _write_down(self) -> None:
        while self._unwritten:
            _, write = self._unwritten[0]
            write()
            self._unwritten.popleft()
            self._stale = True

    def _complain(self, complaint: str) -> None:
        if complaint != self._complaint:
            self._complaint = complaint
            self._notice(complaint)
