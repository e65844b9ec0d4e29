"""Requests: what somebody asks of a run, in which order they are applied, and what became of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal

from lineside.letterbox import Letterbox, nobody


class Kind(IntEnum):
    """What is asked. The order of the members is the order in which a safe point applies them."""

    RESTORE = 1
    SET_LR = 2
    VALIDATE = 3
    SAVE = 4
    UNPAUSE = 5
    PAUSE = 6
    STOP = 7
    INTERRUPT = 8

    @property
    def word(self) -> str:
        """The name that people type and read: ``set_lr``, ``stop``."""
        return self.name.lower()


Origin = Literal["callback", "background", "operator", "signal", "loop"]

_PASSING = (Kind.PAUSE, Kind.UNPAUSE, Kind.INTERRUPT)


@dataclass(frozen=True, slots=True)
class Request:
    """Something asked of a run.

    Attributes:
        kind: what is asked.
        reason: why, in words that a person understands.
        author: the name of the callback, or of the person or program, that asks.
        origin: where it comes from. Requests of inline callbacks repeat by themselves when a run resumes; those from
            outside and from background callbacks are taken from the record and applied again at the same step.
        arguments: what the kind needs (``value`` and ``group`` for a learning rate, ``tag`` for a save, …); plain data.
        step: the step of the snapshot on which a background callback decided; None when asked inline or from outside.
        id: unique; the same request arriving twice is applied once.
    """

    kind: Kind
    reason: str
    author: str
    origin: Origin = "callback"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    step: int | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def replayed(self) -> bool:
        """Whether a resumed run takes this from the record because nothing in the run would ask again by itself.

        A pause or an interrupt changes nothing of what a run becomes, and nobody may be there to end the pause a second
        time.
        """
        return self.origin in ("operator", "background") and self.kind not in _PASSING


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: applied at a step, or refused with a reason."""

    applied: bool
    step: int
    detail: str = ""

    def __str__(self) -> str:
        """Return ``applied at step N`` or ``refused: why``."""
        return f"applied at step {self.step}" if self.applied else f"refused: {self.detail}"


class RequestQueue:
    """Where requests wait for the next safe point.

    Appending is safe from any thread and from a signal handler.

    Args:
        ring: called when there is something to look at.
    """

    __slots__ = ("_seen", "waiting")

    def __init__(self, ring: Callable[[], None] = nobody) -> None:
        self.waiting: Letterbox[Request] = Letterbox(ring)
        self._seen: set[str] = set()

    def append(self, request: Request) -> None:
        """Add a request; it is taken at the next safe point."""
        self.waiting.append(request)

    def take(self) -> list[Request]:
        """Remove and return all waiting requests that were not taken before."""
        taken = []
        while self.waiting:
            request = self.waiting.popleft()
            if request.id not in self._seen:
                self._seen.add(request.id)
                taken.append(request)
        return taken

    def knows(self, request_id: str) -> bool:
        """Tell whether a request was taken, or answered by an earlier attempt."""
        return request_id in self._seen

    def mark_seen(self, ids: Iterable[str]) -> None:
        """Remember requests that an earlier attempt has already answered."""
        self._seen.update(ids)


def in_order(requests: Iterable[Request]) -> list[Request]:
    """Sort by kind; of several rates for one group at one safe point the operator's counts, then the latest.

    The sort is stable: within a kind the order of asking stays.
    """
    return sorted(
        requests, key=lambda request: (request.kind, request.kind is Kind.SET_LR and request.origin == "operator")
    )
