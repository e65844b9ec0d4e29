"""What a run records beside its metrics: attempts, events, requests and texts, as the reader returns them.

Each is made from a row of its table. A crafted file may hold anything in any column, so every value is converted, and
what cannot be converted raises ValueError or TypeError.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any, Self, get_args

from lineside.control import Kind, Origin, Outcome, Request


@dataclass(frozen=True, slots=True)
class Attempt:
    """One process's go at the run. `started` is in seconds since 1970."""

    number: int
    started: float
    resumed_step: int | None = None
    """Step of the checkpoint from which it resumed; None where it started from nothing."""
    resumed_time: float | None = None
    """When the state of that checkpoint was captured, where known."""

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Return a row of the table ``attempt``."""
        step, time = row["resumed_step"], row["resumed_time"]
        return cls(
            int(row["number"]),
            float(row["started"]),
            None if step is None else int(step),
            None if time is None else float(time),
        )


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened once; `data` depends on `kind`."""

    kind: str
    attempt: int
    step: int
    epoch: int
    time: float
    data: Mapping[str, Any]

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Return a row of the table ``event``."""
        place = int(row["attempt"]), int(row["step"]), int(row["epoch"]), float(row["time"])
        return cls(str(row["kind"]), *place, _object(row["data"]))


@dataclass(frozen=True, slots=True)
class Text:
    """A text that was logged under a tag."""

    tag: str
    text: str
    attempt: int
    step: int
    epoch: int
    time: float

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Return a row of the table ``text``."""
        place = int(row["attempt"]), int(row["step"]), int(row["epoch"]), float(row["time"])
        return cls(str(row["tag"]), str(row["text"]), *place)


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request and what became of it; `outcome` is None while it waits. `time` is that of the record."""

    request: Request
    outcome: Outcome | None
    attempt: int
    time: float

    @property
    def step(self) -> int | None:
        """Where it stands in the run: the step of its outcome, else that on which it was decided, where known."""
        return self.request.step if self.outcome is None else self.outcome.step

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Return a row of the table ``request``."""
        kind, origin, step = str(row["kind"]).upper(), row["origin"], row["requested_step"]
        if kind not in Kind.__members__ or origin not in get_args(Origin):
            raise ValueError(f"a request of kind {kind!r} and origin {origin!r} cannot be")
        request = Request(
            Kind[kind],
            str(row["reason"]),
            str(row["author"]),
            origin,
            _object(row["arguments"]),
            None if step is None else int(step),
            str(row["id"]),
        )
        answered = row["applied"] is not None
        outcome = Outcome(bool(row["applied"]), int(row["outcome_step"]), str(row["detail"])) if answered else None
        return cls(request, outcome, int(row["attempt"]), float(row["time"]))


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise TypeError(f"{text[:40]!r} is not an object")
    return value
