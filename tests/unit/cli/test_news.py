from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lineside.cli.decisions import Decision
from lineside.cli.news import News, Newsfeed
from lineside.control import Kind, Outcome, Request
from lineside.errors import StoreDamaged
from lineside.store import RunDirectory, StoreWriter
from lineside.store.entries import Event, RecordedRequest


def said(kind: str, data: dict[str, Any], step: int = 1200, attempt: int = 2, epoch: int = 3) -> str | None:
    event = Event(kind, attempt, step, epoch, 5.0, data)
    said = News(5.0, step, event).said()
    return None if said is None else said.plain


@pytest.mark.parametrize(
    ("kind", "data", "sentence"),
    [
        (
            "epoch_end",
            {"time/epoch": 2.0, "lr": 0.1, "val/loss": 0.25, "train/loss": 0.5, "val/odd": "x"}
            | {"gradients/a": 1.0, "update_ratio/a": 1.0, "system/cpu": 1.0, "lr/head": 0.2},
            "epoch 4  train/loss 0.5  val/loss 0.25  lr 0.1  lr/head 0.2",
        ),
        ("checkpoint", {"name": "epoch0001", "tags": ["best", "last"]}, "checkpoint epoch0001 (best, last)"),
        ("checkpoint", {"name": "x\x1b", "tags": 3}, r"checkpoint x\x1b ()"),
        ("alert", {"title": "Spike", "text": "a\nb"}, "alert: Spike: a b"),
        ("alert", {"title": "Spike"}, "alert: Spike"),
        ("exception", {"error": "ValueError: no"}, "error: ValueError: no"),
        ("train_start", {}, "attempt 2 trains"),
        ("paused", {}, "paused"),
        ("unpaused", {}, "goes on"),
    ],
)
def test_each_event_is_a_sentence(kind: str, data: dict[str, Any], sentence: str) -> None:
    assert said(kind, data) == sentence


def test_what_people_need_not_see_is_not_said() -> None:
    assert said("facts", {}) is None
    assert said("train_end", {"reason": "the end of the run tells it"}) is None
    routine = Request(Kind.SAVE, "", "model-checkpoint", "callback", {"tag": "best"})
    entry = RecordedRequest(routine, Outcome(applied=True, step=3), 1, 5.0)
    assert News(5.0, 3, Decision(entry)).said() is None


def test_a_request_tells_who_why_and_what_became_of_it() -> None:
    request = Request(Kind.SET_LR, "the loss has flattened", "ada", "operator", {"value": 0.01})
    entry = RecordedRequest(request, Outcome(applied=True, step=3), 1, 5.0)
    news = News(5.0, 1200, Decision(entry))
    sentence = news.said()
    assert sentence is not None
    assert sentence.plain == "set_lr 0.01 by ada (the loss has flattened): applied"
    assert news.place == "step 1,200"
    assert News(5.0, None, Decision(entry)).place == ""


def test_each_thing_is_read_once_in_order(tmp_path: Path) -> None:
    feed = Newsfeed(RunDirectory(tmp_path))
    assert feed.read() == []
    clock = iter(range(10, 100, 10))
    writer = StoreWriter(tmp_path / "run.db", 1, lambda: float(next(clock)))
    writer.event("epoch_end", step=5, epoch=0, time=15.0, data={})
    writer.request(Request(Kind.STOP, "", "ada", "operator", {}), Outcome(applied=True, step=4))
    writer.commit()
    assert [each.time for each in feed.read()] == [10.0, 15.0]
    assert feed.read() == []
    writer.request(Request(Kind.STOP, "", "bob", "operator", {}), Outcome(applied=True, step=6))
    writer.close()
    (news,) = feed.read()
    assert news.document()["author"] == "bob"
    assert news.document()["event"] == "request"


def test_superseded_attempts_are_part_of_the_story(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "run.db", 1, lambda: 0.0)
    writer.begin_attempt(1, None, 0.0)
    writer.event("alert", step=9, epoch=0, time=1.0, data={"title": "before the kill"})
    writer.begin_attempt(2, 5, 2.0)
    writer.close()
    assert [each.document()["data"] for each in Newsfeed(RunDirectory(tmp_path)).read()] == [
        {"title": "before the kill"}
    ]


def test_damage_is_an_error_and_not_silence(tmp_path: Path) -> None:
    (tmp_path / "run.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreDamaged):
        Newsfeed(RunDirectory(tmp_path)).read()


def test_the_shape_of_an_event() -> None:
    event = Event("paused", 1, 2, 0, 5.0, {"a": 1})
    assert News(5.0, 2, event).document() == {
        "event": "paused",
        "time": 5.0,
        "attempt": 1,
        "step": 2,
        "epoch": 0,
        "data": {"a": 1},
    }
