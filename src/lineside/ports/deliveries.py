"""What leaves a run for people and other systems: where it goes, what is handed over, and who sends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypedDict

from lineside.destination import holds_secret, reference
from lineside.errors import OptionError
from lineside.ports.vocabulary import Level, Phase
from lineside.secret import Secret

WARNINGS: frozenset[Level] = frozenset({"warning", "error"})


@dataclass(frozen=True, slots=True)
class Route:
    """Which alerts go to which destination; a callback declares its own in `Callback.routes`.

    Attributes:
        destination: an address as `lineside.destination` reads it. One that is written out with a secret in it is kept
            as a `Secret`; only the processes of the run that was given it can use it.
        levels: of the alerts that go there.
        authors: names of the callbacks whose alerts go there; None for everybody's, the run's own included.
    """

    destination: str | Secret
    levels: frozenset[Level] = WARNINGS
    authors: frozenset[str] | None = None

    def __post_init__(self) -> None:
        """Hide an address with a secret in it. Raises `OptionError` for what is no address."""
        if not isinstance(self.destination, (str, Secret)) or not self.destination:
            raise OptionError("A route needs the address of its destination, such as wecombot://${WECOM_KEY}.")
        if isinstance(self.destination, str) and holds_secret(self.destination):
            object.__setattr__(self, "destination", Secret(self.destination))

    @property
    def reference(self) -> str:
        """What is stored and shown of the destination."""
        return reference(self.destination)

    def takes(self, level: Level, author: str) -> bool:
        """Tell whether an alert goes there."""
        return level in self.levels and (self.authors is None or author in self.authors)


class AlertPayload(TypedDict):
    """What a delivery of the kind ``alert`` holds; plain JSON.

    Attributes:
        title: one line.
        text: more of it, or nothing.
        level: ``info``, ``warning`` or ``error``.
        author: the callback that raised it, ``run``, ``loop``, or ``supervisor``.
        phase: whether it begins, is over, or happened once.
        project: the run's project.
        run: the run's name, which is that of its directory.
        epoch: from 0.
        host: the training engine.
        machine: name of the machine.
        attempt: of the run.
        step: optimizer steps so far.
        time: seconds since 1970.
        language: ``en`` or ``zh``, in which title and text are written.
        plot: a picture, relative to the run's directory; None without one.
    """

    title: str
    text: str
    level: Level
    author: str
    phase: Phase
    project: str
    run: str
    host: str
    machine: str
    attempt: int
    step: int
    epoch: int
    time: float
    language: str
    plot: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to be sent.

    Attributes:
        key: the idempotency key; the same at every try, so that a receiver may know what it has already.
        kind: what it is, such as ``alert``; chooses the sender.
        destination: the reference, for messages.
        address: what the reference stands for.
        payload: plain JSON; see `AlertPayload` for the kind ``alert``.
        directory: the run's directory, in which relative paths of the payload lie.
        tries: how often it was tried before.
    """

    key: str
    kind: str
    destination: str
    address: Secret
    payload: Mapping[str, Any]
    directory: Path
    tries: int = 0


class TryAgain(Exception):
    """A delivery did not arrive this time.

    Args:
        reason: what happened, in words; secrets of the address are taken out before it is kept.
        after: seconds that the receiver asks to wait, as in ``Retry-After``.
    """

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.after = reason, after


class Undeliverable(Exception):
    """A delivery will never arrive: the receiver refused this very one for good.

    Args:
        reason: why, in words.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Sender(Protocol):
    """Sends deliveries of one kind. It lives in a process of its own, is made without arguments, and may block.

    It is cut off, process and all, when a send takes longer than the outbox allows.
    """

    kind: str

    def send(self, delivery: Delivery) -> None:
        """Send it, and return when the receiver has acknowledged it.

        Raises:
            TryAgain: not this time; any other exception counts as this one.
            Undeliverable: never.
        """
