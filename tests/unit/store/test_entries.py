from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from lineside.control import Kind, Outcome, Request
from lineside.store.entries import Attempt, Event, RecordedRequest, Text


def row(**columns: Any) -> sqlite3.Row:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    return connection.execute(
        f"SELECT {', '.join(f'? AS {name}' for name in columns)}", list(columns.values())
    ).fetchone()


EVENT = {"kind": "alert", "attempt": 1, "step": 2, "epoch": 0, "time": 3.0, "data": '{"title": "x"}'}
REQUEST = {
    "id": "a",
    "attempt": 1,
    "time": 4.0,
    "kind": "set_lr",
    "author": "me",
    "origin": "operator",
    "reason": "why",
    "arguments": '{"value": 0.1}',
    "requested_step": 7,
    "applied": None,
    "outcome_step": None,
    "detail": None,
}


def test_rows_become_entries() -> None:
    assert Attempt.from_row(row(number=2, started=1, resumed_step=5, resumed_time=None)) == Attempt(2, 1.0, 5, None)
    assert Event.from_row(row(**EVENT)) == Event("alert", 1, 2, 0, 3.0, {"title": "x"})
    text = row(tag="t", text="hello", attempt=1, step=2, epoch=0, time=3.0)
    assert Text.from_row(text) == Text("t", "hello", 1, 2, 0, 3.0)
    request = Request(Kind.SET_LR, "why", "me", "operator", {"value": 0.1}, 7, "a")
    assert RecordedRequest.from_row(row(**REQUEST)) == RecordedRequest(request, None, 1, 4.0)


def test_a_request_stands_where_it_was_answered() -> None:
    answered = RecordedRequest.from_row(row(**REQUEST | {"applied": 1, "outcome_step": 9, "detail": ""}))
    assert answered.outcome == Outcome(applied=True, step=9)
    assert answered.step == 9
    assert RecordedRequest.from_row(row(**REQUEST)).step == 7


@pytest.mark.parametrize(
    "changed", [{"kind": "explode"}, {"origin": "web"}, {"arguments": "[]"}, {"arguments": "{"}, {"attempt": "x"}]
)
def test_a_crafted_request_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        RecordedRequest.from_row(row(**REQUEST | changed))


@pytest.mark.parametrize("changed", [{"data": "1"}, {"step": "two"}, {"time": None}])
def test_a_crafted_event_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Event.from_row(row(**EVENT | changed))
