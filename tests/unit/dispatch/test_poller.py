from __future__ import annotations

import threading
from typing import Any

import pytest

from lineside.dispatch.poller import CostWatch, HangWatch, Poller
from lineside.events import Event
from lineside.testing.clock import FakeClock
from tests.unit.dispatch.toys import Made, Stage


def test_all_tasks_are_done_in_turn_until_it_is_closed() -> None:
    done: list[str] = []
    enough = threading.Event()

    def second() -> None:
        done.append("second")
        if len(done) >= 6:
            enough.set()

    poller = Poller([lambda: done.append("first"), second], interval=0.001)
    poller.start()
    assert enough.wait(10)
    poller.close()
    after = len(done)
    assert done[:6] == ["first", "second"] * 3
    assert not poller._thread.is_alive()
    assert len(done) == after


def test_a_task_that_fails_is_logged_once_and_done_again(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    def bad() -> None:
        done.append(1)
        raise OSError("disk full")

    poller = Poller([bad, lambda: done.append(2)])
    for _ in range(3):
        poller.round()
    assert done == [1, 2] * 3
    assert caplog.text.count("A task beside the training failed") == 1


def test_one_that_was_never_started_closes() -> None:
    Poller([]).close()


def test_a_task_that_hangs_is_left_behind() -> None:
    entered, release = threading.Event(), threading.Event()

    def hang() -> None:
        entered.set()
        release.wait()

    poller = Poller([hang], interval=0.001)
    poller.start()
    assert entered.wait(10)
    poller.close(timeout=0.01)
    assert poller._thread.is_alive()
    release.set()
    poller._thread.join(10)


# ---- hanging ---------------------------------------------------------------------------------------------------------


def test_a_hook_that_does_not_come_back_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()

    def hang(run: Any) -> None:
        for _ in range(4):
            watch()
            clock.advance(20)

    stage = Stage(Made("slow", on_epoch_end=hang))
    watch = HangWatch(stage.dispatcher, after=30, clock=clock.monotonic)
    stage.emit(Event.EPOCH_END)
    watch()
    assert caplog.messages == ["The callback slow.on_epoch_end has kept the training waiting for over 30 s."]


def test_many_short_calls_are_no_hang(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()

    def short(run: Any) -> None:
        watch()
        clock.advance(20)

    stage = Stage(Made("often", on_batch_end=short))
    watch = HangWatch(stage.dispatcher, after=30, clock=clock.monotonic)
    stage.emit(Event.BATCH_END, times=10)
    assert caplog.messages == []


def test_a_second_hang_is_named_again(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()

    def hang(run: Any) -> None:
        watch()
        clock.advance(31)
        watch()

    stage = Stage(Made("slow", on_epoch_end=hang))
    watch = HangWatch(stage.dispatcher, after=30, clock=clock.monotonic)
    for _ in range(2):
        stage.emit(Event.EPOCH_END)
        watch()
    assert len(caplog.messages) == 2


# ---- costs -----------------------------------------------------------------------------------------------------------


def test_a_costly_callback_is_named_once_and_not_before_there_is_something_to_see(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stage = Stage(
        Made("slow", on_epoch_end=lambda run: None), Made("beside", on_epoch_end=lambda run: None, background=True)
    )
    stage.emit(Event.EPOCH_END)
    stage.run_lanes()
    for hooks in stage.dispatcher._hooks.values():
        hooks[0].cost.total = 8_000_000_000
    elapsed = 10.0
    watch = CostWatch(stage.dispatcher, lambda: elapsed, share=0.1, after=30)
    watch()
    assert caplog.messages == []
    elapsed = 40.0
    watch()
    watch()
    assert caplog.messages == ["The callback slow takes 20 % of the run, 8000.0 ms a call."]


def test_a_cheap_callback_is_not_named(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(Made("cheap", on_epoch_end=lambda run: None))
    stage.emit(Event.EPOCH_END)
    CostWatch(stage.dispatcher, lambda: 40.0)()
    assert caplog.messages == []
