from __future__ import annotations

import threading
from typing import Any

import pytest

from lineside.run import Run
from lineside.sink import Records, Sink
from lineside.store import Inbox, RunDirectory
from tests.unit.run.toys import MakeRun, Trace, train


class Quiet(Sink):
    def write(self, records: Records, run: Any) -> None:
        pass


@pytest.mark.parametrize(("rank", "seen"), [(0, ["zero", "all"]), (1, ["all"])])
def test_a_rank_has_the_callbacks_that_are_meant_for_it(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, rank: int, seen: list[str]
) -> None:
    monkeypatch.setattr(Run, "rank", rank)
    callbacks = [Trace(name="zero"), Trace(name="all", ranks="all"), Trace(name="off", ranks="all", enabled=False)]
    with make_run(*callbacks) as run:
        train(run, epochs=1)
    assert [callback.name for callback in callbacks if callback.seen] == seen
    assert [info.name for info in run.callbacks] == ["zero", "all", "off"]


def test_every_thread_ends_with_the_run(make_run: MakeRun) -> None:
    before = set(threading.enumerate())
    with make_run(Trace(background=True), Quiet()) as run:
        train(run)
        names = {thread.name for thread in set(threading.enumerate()) - before}
    assert names == {"lineside-store", "lineside-trace", "lineside-quiet", "lineside-poller"}
    assert set(threading.enumerate()) <= before


def test_sinks_are_fed_and_other_background_callbacks_are_not(make_run: MakeRun) -> None:
    with make_run(Trace(background=True), Quiet()) as run:
        lanes = run.wiring.records._lanes
        assert [lane.name for lane in lanes] == ["store", "quiet"]


def test_the_record_says_now_and_then_how_far_the_run_is(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    with make_run() as run:
        monkeypatch.setattr(run.wiring, "_reported", -1e9)
        train(run, epochs=1)
        run.wiring._report()
        record = RunDirectory.open(run.dir).read_record()
        assert (record.status, record.progress["step"]) == ("running", 2)
        written = (run.dir / "run.json").stat().st_mtime_ns
        run.wiring._report()
        assert (run.dir / "run.json").stat().st_mtime_ns == written


def test_nobody_outside_is_heard_before_the_answers_of_earlier_attempts_are_known(make_run: MakeRun) -> None:
    heard: list[int] = []

    class Early(Trace):
        def see(self, event: Any, run: Any, payload: Any = None) -> None:
            if event.hook == "on_setup":
                Inbox(run.dir / "inbox").post("stop", {}, "early", "ada")
                run.wiring._poll_inbox()
                heard.append(len(run.requests.waiting))

    with make_run(Early()) as run:
        run.wiring._poll_inbox()
        heard.append(len(run.requests.waiting))
        train(run)
    assert heard == [0, 1]
    assert run.reason == "early"


def test_a_job_that_fails_in_the_helper_is_logged(make_run: MakeRun, caplog: pytest.LogCaptureFixture) -> None:
    with make_run() as run:
        run.wiring._job_failed("plots:draw", "Traceback: no")
    assert "plots:draw failed in the helper process; training goes on" in caplog.text
