from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lineside.cli import asking
from lineside.cli.asking import Answer, answer, ask
from lineside.control import Kind, Outcome, Request
from lineside.errors import OptionError, RequestRefused
from lineside.store import Inbox, RunDirectory, StoreWriter
from tests.unit.cli.written_runs import killed


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunDirectory]:
    """A run whose lock this process holds, as a training does."""
    directory = killed(tmp_path)
    directory.lock()
    yield directory
    directory.unlock()


class Wait:
    """Stands for the time between two looks: something happens in it, or only the clock moves."""

    def __init__(self, *happenings: Callable[[], None]) -> None:
        self.now = 0.0
        self._happenings = list(happenings)

    def __call__(self, seconds: float) -> None:
        self.now += seconds
        if self._happenings:
            self._happenings.pop(0)()

    def clock(self) -> float:
        return self.now


def records(run: RunDirectory, request: str, kind: Kind, outcome: Outcome, *checkpoints: str) -> Callable[[], None]:
    def record() -> None:
        writer = StoreWriter(run.database, 1, lambda: 0.0)
        for name in checkpoints:
            writer.event("checkpoint", step=outcome.step, epoch=0, time=0.0, data={"name": name})
        writer.request(Request(kind, "", "ada", "operator", {}, id=request), outcome)
        writer.close()

    return record


def wait_for(run: RunDirectory, request: str, wait: Wait, timeout: float = 10.0) -> Answer:
    return answer(run, request, timeout, wait.clock, wait)


def asked(run: RunDirectory, kind: str = "stop", arguments: dict[str, Any] | None = None) -> str:
    given = ask(run, kind, arguments or {}, "because")
    assert given.verdict == "asked"
    assert given.request is not None
    return given.request


def test_a_request_lies_in_the_inbox_with_its_author(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "getuser", lambda: "ada")
    request = asked(run, "set_lr", {"value": 0.5})
    (file,) = run.inbox.iterdir()
    assert file.name == f"{request}.json"
    assert json.loads(file.read_bytes()) == {
        "kind": "set_lr",
        "arguments": {"value": 0.5},
        "reason": "because",
        "author": "ada",
    }


def test_a_container_may_not_know_its_user(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(asking, "getuser", nobody)
    asked(run)
    (request,) = Inbox(run.inbox).poll()
    assert request.author == "operator"


def test_the_answer_is_waited_for(run: RunDirectory) -> None:
    request = asked(run)
    wait = Wait(lambda: None, records(run, request, Kind.STOP, Outcome(applied=True, step=42)))
    assert wait_for(run, request, wait) == Answer("applied", request, 42)
    assert wait.now == pytest.approx(2 * asking.POLL)


def test_an_answer_to_another_request_is_none(run: RunDirectory) -> None:
    first, second = asked(run), asked(run)
    wait = Wait(records(run, first, Kind.STOP, Outcome(applied=True, step=1)))
    assert wait_for(run, second, wait, timeout=1.0).verdict == "unanswered"


def test_a_refusal_tells_why(run: RunDirectory) -> None:
    request = asked(run, "validate")
    wait = Wait(records(run, request, Kind.VALIDATE, Outcome(applied=False, step=7, detail="no data\x1b")))
    found = wait_for(run, request, wait)
    assert found == Answer("refused", request, 7, r"no data\x1b")
    assert found.sentence == r"refused: no data\x1b"


def test_a_file_that_the_run_cannot_read_is_refused(run: RunDirectory) -> None:
    request = asked(run)

    def damage() -> None:
        (run.inbox / f"{request}.json").write_text("{")
        Inbox(run.inbox).poll()

    assert "It is not JSON" in wait_for(run, request, Wait(damage)).detail


def test_a_save_names_the_checkpoint(run: RunDirectory) -> None:
    request = asked(run, "save", {"tag": "mine"})
    wait = Wait(records(run, request, Kind.SAVE, Outcome(applied=True, step=9), "epoch0001-step00000009-aaaa"))
    assert wait_for(run, request, wait).sentence == "applied at step 9: epoch0001-step00000009-aaaa"


def test_without_an_answer_in_time_the_request_stays(run: RunDirectory) -> None:
    request = asked(run)
    found = wait_for(run, request, Wait(), timeout=3.0)
    assert found.verdict == "unanswered"
    assert found.detail.startswith("running, but silent: last heard of 1 min")
    assert [one.id for one in Inbox(run.inbox).poll()] == [request]


@pytest.mark.parametrize("begun", [True, False])
def test_a_run_that_ends_meanwhile_is_over(run: RunDirectory, begun: bool) -> None:
    if not begun:
        run.database.unlink()
    request = asked(run)

    def end() -> None:
        run.write_record(replace(run.read_record(), status="completed", reason="all epochs are done"))

    found = wait_for(run, request, Wait(end))
    assert found == Answer("over", request, detail=f"{run.name} is over: completed (all epochs are done)")


def test_a_run_that_answers_with_its_last_breath_has_answered(run: RunDirectory) -> None:
    request = asked(run)
    record = records(run, request, Kind.STOP, Outcome(applied=True, step=42))

    def answer_and_die() -> None:
        record()
        run.unlock()

    assert wait_for(run, request, Wait(answer_and_die)).verdict == "applied"


def test_of_a_run_that_nobody_trains_nothing_is_asked(tmp_path: Path) -> None:
    run = killed(tmp_path)
    found = ask(run, "stop", {}, "")
    assert found == Answer("over", None, detail=f"nobody trains {run.name}: it is killed. Resume it first")
    assert not run.inbox.exists()


def test_what_the_run_would_refuse_is_refused_at_once(run: RunDirectory) -> None:
    with pytest.raises(OptionError, match="value=-1"):
        ask(run, "set_lr", {"value": -1}, "")


def test_an_inbox_that_cannot_be_written_to_is_named(run: RunDirectory) -> None:
    run.inbox.write_text("a file in its place")
    with pytest.raises(RequestRefused, match="inbox cannot be written to"):
        ask(run, "stop", {}, "")
