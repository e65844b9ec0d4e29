from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from lineside.dispatch.offload import HelperProcess
from lineside.run import Run
from lineside.store import RunDirectory, RunReader
from tests.unit.run.deaths import interrupted
from tests.unit.run.toys import Gate, Made, MakeRun, ask, events, status, train


def the_end(run: Run) -> dict[str, Any]:
    (end,) = events(run, "end")
    return dict(end)


def test_the_record_ends_with_how_it_ended_and_what_the_callbacks_cost(make_run: MakeRun) -> None:
    late = Made("late", on_teardown=lambda run: None, background=True)
    with make_run(Made("early", on_batch_end=lambda run: None), late) as run:
        train(run, epochs=2)
    with RunReader.open(run.dir) as reader:
        assert reader.events()[-1].kind == "end"
        assert reader.events()[-1].step == 4
    end = the_end(run)
    assert (end["status"], end["reason"]) == ("completed", "all 2 epochs are done")
    assert end["seconds"] == pytest.approx(run.elapsed)
    costs = {cost["name"]: cost for cost in end["costs"]}
    assert (costs["early"]["lane"], costs["early"]["calls"]) == ("inline", 4)
    # The last hook of all is part of what it cost, though it ran on a thread of its own.
    assert (costs["late"]["lane"], costs["late"]["calls"]) == ("background", 1)


@pytest.mark.parametrize(
    ("callback", "ended"),
    [
        (ask("a", "on_epoch_end", lambda run: run.stop("enough")), ("stopped", "enough")),
        (
            Made("a", on_epoch_end=lambda run: 1 / 0, on_error="raise"),
            ("failed", "ZeroDivisionError: division by zero"),
        ),
        (
            Made("a", on_teardown=lambda run: 1 / 0, on_error="raise", background=True),
            ("failed", "ZeroDivisionError: division by zero"),
        ),
    ],
    ids=["stopped", "failed", "failed in the background at the very end"],
)
def test_it_says_how_the_run_ended_in_the_same_words_as_the_record(
    make_run: MakeRun, callback: Made, ended: tuple[str, str]
) -> None:
    run = make_run(callback)
    try:
        with run:
            train(run)
    except ZeroDivisionError:
        assert ended[0] == "failed"
    end = the_end(run)
    assert (end["status"], end["reason"]) == ended
    record = RunDirectory.open(run.dir).read_record()
    assert (record.status, record.reason) == ended


def test_an_interrupt_is_recorded_as_one(make_run: MakeRun) -> None:
    run = interrupted(make_run)
    assert (the_end(run)["status"], the_end(run)["reason"]) == ("interrupted", "interrupted by SIGTERM")


def test_what_is_done_at_the_end_finds_the_whole_record_and_a_run_that_is_still_locked(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Any] = []
    run = make_run()

    def close(helper: HelperProcess, timeout: float) -> bool:
        found.append((the_end(run)["status"], status(run)))
        found.append(run._session is not None and run._session.directory._lock.is_held(run.dir / ".lock"))
        return True

    monkeypatch.setattr(HelperProcess, "close", close)
    with run:
        train(run, epochs=1)
    assert found == [("completed", "completed"), True]


def test_a_helper_that_hangs_does_not_hold_up_the_end_and_costs_nothing_of_the_record(
    make_run: MakeRun, run_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def hang(run: Any) -> None:
        run.offload("tests.unit.dispatch.offload_jobs:hang", {"path": str(run_dir / "pid")}, at_end=True)

    callback = Made("hangs", on_teardown=hang, background=True, close_timeout=1.0)
    with caplog.at_level(logging.WARNING, "lineside"), make_run(callback) as run:
        train(run, epochs=1)
    assert (status(run), the_end(run)["status"]) == ("completed", "completed")
    assert "left behind: helper process" in caplog.text


def test_a_callback_that_hangs_does_not_hold_up_the_end(make_run: MakeRun) -> None:
    gate = Gate()
    with make_run(Made("hangs", on_teardown=gate, background=True, close_timeout=0.05)) as run:
        train(run, epochs=1)
    gate.open.set()
    assert the_end(run)["status"] == "completed"


def test_what_is_raised_and_logged_in_the_background_at_the_very_end_is_recorded(make_run: MakeRun) -> None:
    def last_words(run: Any) -> None:
        assert shown.wait(60)  # the inline ones have seen the end already
        run.alert("Too late for anybody but the record")
        run.log({"late": 0.5})

    shown = threading.Event()
    callbacks = Made("late", on_teardown=last_words, background=True), Made("inline", on_teardown=lambda _: shown.set())
    with make_run(*callbacks) as run:
        train(run, epochs=1)
    assert [alert["title"] for alert in events(run, "alert")] == ["Too late for anybody but the record"]
    with RunReader.open(run.dir) as reader:
        assert [point.value for point in reader.series("train/late")] == [0.5]


def test_what_a_background_callback_logs_at_the_very_end_is_in_the_record(make_run: MakeRun) -> None:
    def tell(run: Any) -> None:
        run.log({"system/account": 7.0})
        run.log_text("account", "it was enough")
        run.alert("It was enough")

    with make_run(Made("tells", on_teardown=tell, background=True)) as run:
        train(run, epochs=1)
    with RunReader.open(run.dir) as reader:
        assert [text.text for text in reader.texts()] == ["it was enough"]
        assert list(reader.series("system/account").values) == [7.0]
        assert [event.kind for event in reader.events()][-2:] == ["alert", "end"]
