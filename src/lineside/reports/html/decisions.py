"""What was decided on the way, why, by whom, and what became of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from lineside.control import Kind
from lineside.reports.html.charts import Mark
from lineside.reports.html.evidence import Evidence
from lineside.reports.html.result import Outcome
from lineside.reports.html.wording import Wording
from lineside.store.entries import RecordedRequest

_MOST_ALIKE = 8
"""Requests of one kind and author in a row; of more only the first and the last are shown."""
_MOST = 200
_MOST_CUTS = 12
"""A rate that changes more often than this follows a schedule, and marks would only hide the curves."""
_MARKED = {Kind.STOP: "stop", Kind.RESTORE: "restore"}


@dataclass(frozen=True, slots=True)
class Decision:
    """One request and its fate, or several alike that are passed over.

    Attributes:
        kind: what was asked, as the record names it.
        title: the same for people, with the value that was asked for.
        reason: why, in the words of who asked.
        author: who asked.
        origin: what kind of author that is.
        state: ``applied``, ``refused`` or ``waiting``; ``skipped`` for those that are passed over.
        step: where it was applied or refused, where known.
        detail: why it was refused.
        count: how many this stands for.
    """

    kind: str
    title: str
    reason: str
    author: str
    origin: str
    state: str
    step: int | None
    detail: str = ""
    count: int = 1


def decisions(evidence: Evidence, wording: Wording) -> list[Decision]:
    """Return all decisions but the saves that were made, which stand with the checkpoints."""
    asked = [entry for entry in evidence.requests if entry.request.kind is not Kind.SAVE or not _applied(entry)]
    asked.sort(key=lambda entry: math.inf if entry.step is None else entry.step)
    return _within(_told(asked, wording))


def _told(asked: Iterable[RecordedRequest], wording: Wording) -> list[Decision]:
    told: list[Decision] = []
    for (kind, author, _), group in groupby(asked, key=lambda e: (e.request.kind, e.request.author, _applied(e))):
        alike = [_decision(entry, wording) for entry in group]
        if len(alike) > _MOST_ALIKE:
            passed = alike[3:-2]
            skipped = Decision(kind.word, "", "", author, "", "skipped", passed[-1].step, count=len(passed))
            alike = [*alike[:3], skipped, *alike[-2:]]
        told += alike
    return told


def _within(told: list[Decision]) -> list[Decision]:
    """Return the first and the last of very many."""
    if len(told) <= _MOST:
        return told
    left_out = told[_MOST // 2 : -_MOST // 2]
    count = sum(one.count for one in left_out)
    gap = Decision("", "", "", "", "", "skipped", left_out[-1].step, count=count)
    return [*told[: _MOST // 2], gap, *told[-_MOST // 2 :]]


def _decision(entry: RecordedRequest, wording: Wording) -> Decision:
    request, outcome = entry.request, entry.outcome
    state = "waiting" if outcome is None else "applied" if outcome.applied else "refused"
    return Decision(
        kind=request.kind.word,
        title=_title(entry, wording),
        reason=wording.shortened(request.reason),
        author=wording.shortened(request.author),
        origin=wording.origin(request.origin),
        state=state,
        step=entry.step,
        detail=wording.shortened(outcome.detail) if outcome is not None else "",
    )


def _title(entry: RecordedRequest, wording: Wording) -> str:
    request, arguments = entry.request, entry.request.arguments
    word = wording.asked(request.kind.word)
    if request.kind is Kind.SET_LR:
        value, group = arguments.get("value"), arguments.get("group")
        shown = f"{value:g}" if isinstance(value, (int, float)) else str(value)
        of_group = f" ({wording('group', '组')} {group})" if group is not None else ""
        return wording.shortened(f"{word} → {shown}{of_group}")
    if request.kind is Kind.RESTORE:
        return wording.shortened(f"{word} {arguments.get('checkpoint', '')}")
    if request.kind is Kind.SAVE:
        return wording.shortened(f"{word} {arguments.get('tag', '')}")
    return word


def _applied(entry: RecordedRequest) -> bool:
    return entry.outcome is not None and entry.outcome.applied


def marks(evidence: Evidence, top: Outcome | None) -> list[Mark]:
    """Return what the charts mark: the best value, cuts of the rate, restores, a stop, and where the run resumed."""
    applied = [(e.request.kind, e.step) for e in evidence.requests if _applied(e) and e.step is not None]
    cuts = [step for kind, step in applied if kind is Kind.SET_LR]
    found = [Mark(step, "cut") for step in cuts] if len(cuts) <= _MOST_CUTS else []
    found += [Mark(step, _MARKED[kind]) for kind, step in applied if kind in _MARKED]
    goes = [one for one in evidence.attempts if one.number not in evidence.evaluations]
    found += [Mark(one.resumed_step, "resume") for one in goes[1:] if one.resumed_step is not None]
    if top is not None and top.best is not None:
        found.append(Mark(top.best.step, "best"))
    return found


def kinds(marked: Sequence[Mark]) -> list[str]:
    """Return the kinds of marks that there are, for the key."""
    return [kind for kind in ("best", "cut", "restore", "stop", "resume") if any(one.kind == kind for one in marked)]
