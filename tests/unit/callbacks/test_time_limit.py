from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from lineside.callbacks.time_limit import TimeLimit
from lineside.control import Kind
from lineside.errors import OptionError
from lineside.testing import FakeClock, FakeRun
from lineside.testing.fake_checkpoint import FakeCheckpoint


class Timers:
    """Timers that go off when the test moves its clock past them."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.set: list[Timer] = []

    def new(self, seconds: float, function: Callable[..., None], arguments: list[Any]) -> Timer:
        timer = Timer(self.clock.time() + seconds, lambda: function(*arguments))
        self.set.append(timer)
        return timer

    @property
    def waiting(self) -> list[Timer]:
        return [timer for timer in self.set if timer.waits]

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        for timer in self.waiting:
            if timer.at <= self.clock.time():
                timer.waits = False
                timer.ring()


class Timer:
    def __init__(self, at: float, ring: Callable[[], None]) -> None:
        self.at, self.ring = at, ring
        self.waits = self.daemon = False

    def start(self) -> None:
        assert self.daemon, "a thread that is no daemon would keep the process alive"
        self.waits = True

    def cancel(self) -> None:
        self.waits = False


@pytest.fixture(autouse=True)
def no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)


@pytest.fixture
def timers() -> Timers:
    return Timers()


def started(timers: Timers, *args: Any, **options: Any) -> FakeRun:
    run = FakeRun([TimeLimit(*args, clock=timers.clock.time, timer=timers.new, **options)])
    run.start()
    return run


def interrupts(run: FakeRun) -> list[str]:
    return [request.reason for request in run.requests if request.kind is Kind.INTERRUPT]


# ---- when ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["1 h", 3600, 3600.0, timedelta(hours=1)])
@pytest.mark.parametrize("reserve", ["5 min", 300, timedelta(minutes=5)])
def test_it_interrupts_the_run_before_the_time_is_up(timers: Timers, limit: Any, reserve: Any) -> None:
    run = started(timers, limit, reserve=reserve)
    timers.pass_time(3299)
    assert not interrupts(run)
    timers.pass_time(1)
    (reason,) = interrupts(run)
    assert reason.startswith("the time of the job ends at 20")
    assert run.requests[0].author == "time-limit"
    assert "in 300 s. The run saves and leaves; resume='auto'" in run.alerts[0].text


def test_what_it_says_is_in_the_language_that_was_asked_for(timers: Timers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    run = started(timers, 1000, reserve=10)
    timers.pass_time(990)
    assert interrupts(run)[0].startswith("作业的时间将于")
    assert run.alerts[0].title == "作业的时间即将用完"


def test_the_limit_begins_when_the_callback_is_made_not_with_the_training(timers: Timers) -> None:
    callback = TimeLimit(1000, reserve=10, clock=timers.clock.time, timer=timers.new)
    timers.pass_time(600)  # loading data, say
    run = FakeRun([callback])
    run.start()
    timers.pass_time(390)
    assert interrupts(run)


def test_a_second_training_in_the_same_job_does_not_get_the_time_again(timers: Timers) -> None:
    callback = TimeLimit(1000, reserve=10, clock=timers.clock.time, timer=timers.new)
    FakeRun([callback]).play(1)
    timers.pass_time(600)
    second = FakeRun([callback])
    second.start()
    timers.pass_time(390)
    assert interrupts(second)


def test_pauses_and_whatever_else_the_run_does_count(timers: Timers) -> None:
    """Nothing of the run is asked for the time: a paused run has none that passes."""
    run = started(timers, 1000, reserve=10)
    before = run.elapsed
    timers.pass_time(990)
    assert run.elapsed == before
    assert interrupts(run)


def test_a_time_that_is_up_at_the_start_interrupts_at_once(timers: Timers) -> None:
    callback = TimeLimit(1000, reserve=10, clock=timers.clock.time, timer=timers.new)
    timers.pass_time(5000)
    run = FakeRun([callback])
    run.start()
    timers.pass_time(0)
    assert interrupts(run)


def test_a_clock_that_is_set_back_makes_it_wait_longer(timers: Timers) -> None:
    run = started(timers, 1000, reserve=10)
    (timer,) = timers.waiting
    timers.clock.advance(500)
    timer.ring()  # by the time that has passed it would be due
    assert not interrupts(run)
    timers.pass_time(490)
    assert len(interrupts(run)) == 1


def test_a_limit_beyond_what_a_thread_can_wait_for_is_waited_for_in_parts(timers: Timers, monkeypatch: Any) -> None:
    monkeypatch.setattr("threading.TIMEOUT_MAX", 400.0)
    run = started(timers, 1000, reserve=10)
    for _ in range(2):
        timers.pass_time(400)
        assert not interrupts(run)
    timers.pass_time(190)
    assert interrupts(run)


# ---- how much is kept back -------------------------------------------------------------------------------------------


def test_two_minutes_are_kept_until_a_save_was_seen(timers: Timers) -> None:
    run = started(timers, 1000)
    timers.pass_time(879)
    assert not interrupts(run)
    timers.pass_time(1)
    assert interrupts(run)


@pytest.mark.parametrize(("took", "kept"), [(1.0, 120), (100.0, 300)])
def test_slow_saves_keep_more_time_back(timers: Timers, took: float, kept: int) -> None:
    run = started(timers, 1000)
    run.save_seconds = took
    run.emit("on_checkpoint", checkpoint(run))
    assert len(timers.waiting) == 1
    timers.pass_time(1000 - kept - 1)
    assert not interrupts(run)
    timers.pass_time(1)
    assert interrupts(run)


def test_a_reserve_that_was_given_is_kept_whatever_saves_take(timers: Timers) -> None:
    run = started(timers, 1000, reserve=10)
    run.save_seconds = 100.0
    run.emit("on_checkpoint", checkpoint(run))
    timers.pass_time(989)
    assert not interrupts(run)


def test_the_save_that_it_causes_does_not_wake_it_again(timers: Timers) -> None:
    run = started(timers, 1000)
    timers.pass_time(900)
    run.save_seconds = 50.0
    run.emit("on_checkpoint", checkpoint(run))
    timers.pass_time(0)
    assert len(interrupts(run)) == len(run.alerts) == 1


def checkpoint(run: FakeRun) -> FakeCheckpoint:
    run.save()
    run.settle()
    return run.checkpoints[-1]


# ---- Slurm -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "after"), [(None, 1980), (5000, 1980), (1000, 980)])
def test_the_earlier_of_the_limit_and_the_end_of_the_job_counts(
    timers: Timers, monkeypatch: pytest.MonkeyPatch, limit: float | None, after: float
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    monkeypatch.setenv("SLURM_JOB_END_TIME", f"{timers.clock.time() + 2000:.0f}")
    run = started(timers, limit, reserve=20)
    timers.pass_time(after - 1)
    assert not interrupts(run)
    timers.pass_time(1)
    assert interrupts(run)


def test_slurm_is_not_asked_where_it_is_not_wanted(timers: Timers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    monkeypatch.setenv("SLURM_JOB_END_TIME", f"{timers.clock.time():.0f}")
    started(timers, slurm=False)
    assert not timers.set


def test_without_a_limit_and_a_job_it_says_that_it_watches_nothing(timers: Timers, caplog: Any) -> None:
    run = started(timers)
    assert not timers.set
    assert not run.alerts
    assert "time-limit has no limit to watch: neither limit= nor a Slurm job" in caplog.text


def test_a_job_whose_end_is_unknown_is_an_alert(timers: Timers, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    monkeypatch.setenv("PATH", str(tmp_path))
    run = started(timers, 1000, reserve=10)
    assert [alert.title for alert in run.alerts] == ["The end of the job is unknown"]
    assert "limit='11.5 h'" in run.alerts[0].text
    timers.pass_time(990)
    assert interrupts(run), "the limit holds all the same"


# ---- its end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [FakeRun.train_end, lambda run: run.fail(RuntimeError("boom"))])
def test_a_training_that_ends_in_time_is_left_alone(timers: Timers, end: Callable[[FakeRun], None]) -> None:
    run = started(timers, 1000)
    end(run)
    assert not timers.waiting


def test_a_checkpoint_behind_the_end_does_not_wake_it(timers: Timers) -> None:
    run = started(timers, 1000)
    run.train_end()
    run.emit("on_checkpoint", checkpoint(run))
    assert not timers.waiting


# ---- options ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": "3 epochs"}, r"limit='3 epochs' must be a time"),
        ({"limit": 0}, r"limit=0 must be a positive number of seconds"),
        ({"limit": -1.0}, r"limit=-1\.0 must be a positive"),
        ({"limit": math.inf}, r"limit=inf must be a finite number"),
        ({"limit": math.nan}, r"limit=nan"),
        ({"limit": True}, r"limit=True"),
        ({"limit": "soon"}, r"limit='soon' is not a duration"),
        ({"limit": "100 s"}, r"limit='100 s' leaves no time for training: 120 seconds"),
        ({"limit": "1 h", "reserve": "1 h"}, r"leaves no time for training: 3600 seconds"),
        ({"limit": "1 h", "reserve": "0 s"}, r"reserve='0 s' must be positive"),
        ({"slurm": "yes"}, r"slurm='yes' must be True or False"),
        ({"background": False}, r"background=False: in a pause only a thread of its own acts"),
    ],
)
def test_wrong_options_are_refused_at_construction(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        TimeLimit(**options)
