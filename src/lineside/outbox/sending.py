"""Sending what waits in an outbox, as long as somebody wants it: in the process beside a run, or in a command."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import IO, Self

from lineside.child import be_quiet, is_gone, private_streams
from lineside.errors import StoreError
from lineside.files import FileLock
from lineside.outbox.addresses import Addresses
from lineside.outbox.crew import Crew
from lineside.outbox.deliverer import LOOK, Deliverer
from lineside.outbox.ledger import Ledger
from lineside.outbox.limits import Limits
from lineside.outbox.places import LEASE
from lineside.outbox.standing import OutboxStanding


@dataclass(frozen=True, slots=True, repr=False)
class Order:
    """What a sender is told.

    Attributes:
        directory: of the run.
        senders: ``module:Class`` by kind.
        given: addresses by reference; see `Addresses`. There are secrets in it: it goes through a pipe.
        trusting: send to all destinations, whoever recorded them.
        limits: the bounds.
    """

    directory: Path
    senders: Mapping[str, str]
    given: Mapping[str, str | None] = field(default_factory=dict)
    trusting: bool = False
    limits: Limits = field(default_factory=Limits)

    def to_line(self) -> bytes:
        """Return it as one line of JSON."""
        return json.dumps(asdict(self) | {"directory": str(self.directory)}).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Return what `to_line` gave."""
        document = json.loads(line)
        limits = Limits(**document.pop("limits"))
        return cls(**document | {"directory": Path(document["directory"]), "limits": limits})


class Until:
    """How long somebody wants to send; changed and read by several threads.

    Attributes:
        deadline: of the monotonic clock; with one, sending ends before it as soon as nothing more can be done by then.
        over: stop at once.
        changed: called when one of them was set.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.deadline = None if seconds is None else monotonic() + seconds
        self.over = False
        self.changed: Callable[[], None] = _nobody

    def finish(self, seconds: float) -> None:
        """Try all that waits once more, and end within some seconds."""
        self.deadline = monotonic() + seconds
        self.changed()

    def stop(self) -> None:
        """End at once."""
        self.over = True
        self.changed()

    @property
    def reached(self) -> bool:
        """Whether it is time to end."""
        return self.over or (self.deadline is not None and monotonic() >= self.deadline)


def _nobody() -> None:
    """Stand in for who is told of changes."""


def send(order: Order, until: Until, notice: Callable[[str], None]) -> Deliverer | None:
    """Send until it is time to end; wait for the lease as long as another process has it.

    Args:
        order: what to send, and how.
        until: when to end.
        notice: told what people should know.

    Returns:
        What was sent, in numbers; None if another process had the lease all the time.

    Raises:
        StoreError: the outbox cannot be opened.
        OSError: the lease cannot be taken.
    """
    lease = FileLock(order.directory / LEASE)
    while not lease.acquire():
        # Who has it sends for us as well.
        nothing_to_do = until.deadline is not None and not OutboxStanding.read(order.directory).waiting
        if until.reached or nothing_to_do:
            return None
        time.sleep(LOOK / 2)
    try:
        with Ledger(order.directory, order.limits) as ledger:
            return _send(order, until, notice, ledger)
    finally:
        lease.release()


def _send(order: Order, until: Until, notice: Callable[[str], None], ledger: Ledger) -> Deliverer:
    crew = Crew(order.limits)
    addresses = Addresses.of_user(order.given, trusting=order.trusting)
    deliverer = Deliverer(
        ledger, crew, addresses, order.senders, order.limits, notice, directory=order.directory.absolute()
    )
    until.changed = lambda: crew.messages.put((None, None))
    finishing = False
    try:
        while not until.reached:
            if until.deadline is not None and not finishing:
                finishing = True
                deliverer.hurry()
            deliverer.round()
            if finishing and until.deadline is not None and not deliverer.has_work_before(until.deadline):
                break
            crew.send_home()
            _hear(crew, deliverer)
        return deliverer
    finally:
        crew.close()


def _hear(crew: Crew, deliverer: Deliverer) -> None:
    """Wait for something to do, and take what workers say."""
    try:
        worker, message = crew.messages.get(timeout=max(0.001, deliverer.pause()))
        while True:
            if worker is not None:
                deliverer.answer(worker, message)
            worker, message = crew.messages.get_nowait()
    except Empty:
        return


def serve(parent: int) -> None:
    """Be the process beside a run: the first line of stdin is the order, the next ones say ``finish <seconds>``.

    What people should know is printed, a line each. The end of stdin, or of the parent, is the end at once: what waits
    is sent by whoever comes next.

    Args:
        parent: the process that started this one.
    """
    be_quiet()
    orders, notices = private_streams()
    order, until = Order.from_line(orders.readline()), Until()

    def notice(sentence: str) -> None:
        notices.write(" ".join(sentence.split()).encode(errors="replace") + b"\n")
        notices.flush()

    threading.Thread(target=_obey, args=(orders, until), daemon=True).start()
    threading.Thread(target=_mourn, args=(parent, until), daemon=True).start()
    try:
        send(order, until, notice)
    except BrokenPipeError:
        return
    except (StoreError, OSError) as error:
        notice(f"Nothing can be sent: {error}")
        sys.exit(1)


def _obey(orders: IO[bytes], until: Until) -> None:
    for line in orders:
        word, _, seconds = line.decode().partition(" ")
        if word == "finish":
            until.finish(float(seconds))
    until.stop()


def _mourn(parent: int, until: Until) -> None:
    while not is_gone(parent):
        time.sleep(LOOK)
    until.stop()
