"""What the callbacks cost, as the last attempt that could say so wrote it down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lineside.dispatch.profile import CallbackCost, recorded_costs
from lineside.reports.html.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Account:
    """The costs of one attempt.

    Attributes:
        attempt: its number.
        seconds: of training, across attempts.
        wall: seconds of this attempt without pauses, of which the shares are; 0 where they are not known.
        costs: one a callback, the costliest first.
    """

    attempt: int
    seconds: float
    wall: float
    costs: Sequence[CallbackCost]


def account(evidence: Evidence) -> Account | None:
    """Return the costs of the last attempt that wrote them down; None where none did, as in a run that was killed."""
    end = next((event for event in reversed(evidence.history) if event.kind == "end"), None)
    if end is None:
        return None
    costs = sorted(recorded_costs(end.data.get("costs")), key=lambda cost: -cost.total)
    return Account(end.attempt, _number(end.data.get("seconds")), _number(end.data.get("wall")), costs)


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
