from __future__ import annotations

import threading
from typing import Any

import pytest

from lineside.control import Kind, Outcome, Request
from lineside.dispatch.items import Task
from lineside.dispatch.lanes import Lane
from lineside.run import store_lane as module
from lineside.run.store_lane import StoreLane, StoreSink
from lineside.sink import Medium, Records
from lineside.testing.clock import FakeClock


class Recorder:
    def __init__(self) -> None:
        self.calls: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: self.calls.append((name, *args))

    @property
    def names(self) -> list[str]:
        return [call[0] for call in self.calls]


class Inbox:
    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def done(self, request_id: str) -> None:
        self.recorder.calls.append(("done", request_id))


class Fixture:
    def __init__(self) -> None:
        self.clock, self.recorder = FakeClock(), Recorder()
        self.sink = StoreSink(self.recorder, self.clock.monotonic)
        self.lane = Lane("store", self._handle)
        self.store = StoreLane(self.lane, self.sink, self.recorder, Inbox(self.recorder))

    def _handle(self, task: Task) -> None:
        task.do()


@pytest.fixture
def fixture() -> Fixture:
    return Fixture()


def test_rows_and_texts_are_stored_and_pictures_are_not(fixture: Fixture) -> None:
    media = [Medium("text", "note", "hello", 1, 0, 2.0), Medium("figure", "curve", b"png", 1, 0, 2.0)]
    fixture.sink.write(Records([(1, 0, 2.0, {"train/loss": 0.5})], media), None)
    assert fixture.recorder.names == ["rows", "text"]
    fixture.sink.write(Records(), None)
    assert fixture.recorder.names == ["rows", "text"]


def test_rows_are_committed_once_a_second(fixture: Fixture) -> None:
    row = Records([(1, 0, 2.0, {"train/loss": 0.5})])
    for _ in range(5):
        fixture.clock.advance(0.4)
        fixture.sink.write(row, None)
    assert fixture.recorder.names == ["rows", "rows", "rows", "commit", "rows", "rows"]


@pytest.mark.parametrize(("origin", "leaves"), [("operator", True), ("callback", False)])
def test_an_answer_is_on_the_disk_before_the_request_leaves_the_inbox(
    fixture: Fixture, origin: Any, leaves: bool
) -> None:
    request = Request(Kind.STOP, "enough", "ada", origin)
    fixture.store.request(request, Outcome(applied=True, step=3))
    assert fixture.recorder.calls == []
    fixture.lane.run_waiting()
    assert fixture.recorder.names == ["request", "commit", *["done"] * leaves]


def test_events_keep_the_time_at_which_they_happened(fixture: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.time, "time", lambda: 1000.0)
    times: list[float] = []
    fixture.recorder.event = lambda kind, **where: times.append(where["time"])
    fixture.store.event("paused", 3, 0, {})
    monkeypatch.setattr(module.time, "time", lambda: 2000.0)
    fixture.lane.run_waiting()
    assert times == [1000.0]


def test_a_flush_returns_when_everything_is_on_the_disk(fixture: Fixture) -> None:
    fixture.lane.start()
    fixture.store.event("paused", 3, 0, {})
    fixture.store.flush()
    assert fixture.recorder.names == ["event", "commit"]
    fixture.lane.ask_to_close()


def test_a_hung_store_is_waited_for_once(fixture: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float | None] = []
    wait = threading.Event.wait

    def counted(event: threading.Event, timeout: float | None = None) -> bool:
        if timeout == 0.01:
            waits.append(timeout)
        return wait(event, timeout)

    monkeypatch.setattr(module, "FLUSH_TIMEOUT", 0.01)
    monkeypatch.setattr(threading.Event, "wait", counted)
    for _ in range(3):
        fixture.store.flush()
    assert len(waits) == 1
    fixture.lane.run_waiting()
    fixture.store.flush()
    assert len(waits) == 2


def test_a_commit_that_fails_holds_nobody_up(fixture: Fixture) -> None:
    def fail() -> None:
        raise OSError("disk full")

    fixture.recorder.commit = fail
    done: list[bool] = []
    fixture.lane._handle = lambda task: done.append(_swallowed(task))
    fixture.lane.start()
    fixture.store.flush()
    fixture.lane.ask_to_close()
    assert done == [True]


def _swallowed(task: Task) -> bool:
    try:
        task.do()
    except OSError:
        return True
    return False


def test_the_store_is_never_disabled() -> None:
    assert StoreSink.disable_after is None
