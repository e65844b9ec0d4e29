"""The attempts at the run: when each began, from where, how far it came, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass

from lineside.reports.html.evidence import Evidence
from lineside.store.entries import Attempt, Event


@dataclass(frozen=True, slots=True)
class Go:
    """One attempt.

    Attributes:
        number: from 1.
        started: seconds since 1970.
        ended: when its last record was made.
        status: how it ended; ``killed`` where it could not say so itself, ``evaluated`` where nothing was trained.
        reason: why, in its own words.
        resumed_step: of the checkpoint that it went on from; None where it began from nothing.
        step: the last step that it recorded.
        lost: steps that the next attempt had to make again.
    """

    number: int
    started: float
    ended: float
    status: str
    reason: str
    resumed_step: int | None
    step: int
    lost: int


def attempts(evidence: Evidence) -> list[Go]:
    """Return the attempts, first to last."""
    known = evidence.attempts
    return [_go(evidence, one, after) for one, after in zip(known, [*known, None][1:], strict=True)]


def _go(evidence: Evidence, attempt: Attempt, after: Attempt | None) -> Go:
    own = [event for event in evidence.history if event.attempt == attempt.number]
    end = next((event for event in reversed(own) if event.kind == "end"), None)
    steps = [event.step for event in own] + [evidence.last_steps.get(attempt.number, 0), attempt.resumed_step or 0]
    reached = max(steps)
    resumed = (after.resumed_step or 0) if after is not None else reached
    return Go(
        number=attempt.number,
        started=attempt.started,
        ended=max((event.time for event in own), default=attempt.started),
        status=_status(evidence, attempt, end, is_last=after is None),
        reason=str(end.data.get("reason") or "") if end is not None else "",
        resumed_step=attempt.resumed_step,
        step=reached,
        lost=max(0, reached - resumed),
    )


def _status(evidence: Evidence, attempt: Attempt, end: Event | None, *, is_last: bool) -> str:
    if attempt.number in evidence.evaluations:
        return "evaluated"
    if end is None:
        return evidence.status if is_last else "killed"
    return str(end.data.get("status"))
