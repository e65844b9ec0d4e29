from __future__ import annotations

from typing import Any

import pytest

from lineside.cli.decisions import Decision
from lineside.control import Kind, Origin, Outcome, Request
from lineside.store.entries import RecordedRequest


def decision(
    kind: Kind, outcome: Outcome | None = None, origin: Origin = "callback", reason: str = "why", **arguments: Any
) -> Decision:
    request = Request(kind, reason, "somebody", origin, arguments, id="id")
    return Decision(RecordedRequest(request, outcome, 1, 2.0))


@pytest.mark.parametrize(
    ("made", "what"),
    [
        (decision(Kind.STOP), "stop"),
        (decision(Kind.SET_LR, value=0.001, group=None), "set_lr 0.001"),
        (decision(Kind.SET_LR, value=0.001, group="head"), "set_lr 0.001 (group head)"),
        (decision(Kind.SET_LR, value="\x1b"), r"set_lr \x1b"),
        (decision(Kind.SAVE, tag="best"), "save best"),
        (decision(Kind.SAVE), "save"),
        (decision(Kind.RESTORE, checkpoint="last"), "restore last"),
    ],
)
def test_it_says_what_was_asked(made: Decision, what: str) -> None:
    assert made.what == what


def test_it_says_what_became_of_it() -> None:
    assert decision(Kind.STOP).outcome().plain == "waits"
    assert decision(Kind.STOP, Outcome(applied=True, step=3)).outcome().plain == "applied"
    refused = decision(Kind.STOP, Outcome(applied=False, step=3, detail="the run\nis over")).outcome()
    assert refused.plain == r"refused: the run\nis over"


@pytest.mark.parametrize(
    ("made", "routine"),
    [
        (decision(Kind.SAVE, Outcome(applied=True, step=1)), True),
        (decision(Kind.SAVE, Outcome(applied=False, step=1)), False),
        (decision(Kind.SAVE), False),
        (decision(Kind.SAVE, Outcome(applied=True, step=1), origin="operator"), False),
        (decision(Kind.STOP, Outcome(applied=True, step=1)), False),
    ],
)
def test_saves_as_planned_are_routine(made: Decision, routine: bool) -> None:
    assert made.routine == routine


def test_the_shape_of_the_json() -> None:
    assert decision(Kind.SAVE, Outcome(applied=True, step=7), tag="best").document() == {
        "request": "id",
        "kind": "save",
        "arguments": {"tag": "best"},
        "author": "somebody",
        "origin": "callback",
        "reason": "why",
        "attempt": 1,
        "time": 2.0,
        "applied": True,
        "step": 7,
        "detail": "",
    }
    waiting = decision(Kind.STOP).document()
    assert (waiting["applied"], waiting["step"], waiting["detail"]) == (None, None, None)
