"""How long a run waits for its batches: measured if somebody asks, on the run's own clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lineside.control import Kind
from lineside.data_wait import DataWait
from lineside.errors import NotInline
from lineside.run import Run
from lineside.testing import FakeClock
from tests.unit.run.steered import operator
from tests.unit.run.toys import Made, MakeRun, ask, train


class SlowLoader:
    """Takes time on a fake clock for every batch."""

    def __init__(self, clock: FakeClock, waits: list[float]) -> None:
        self.clock, self.waits = clock, waits

    def __len__(self) -> int:
        return len(self.waits)

    def __iter__(self) -> Iterator[float]:
        for wait in self.waits:
            self.clock.advance(wait)
            yield 1.0


class Asking:
    """What a callback that asked got, and the callback."""

    def __init__(self, hook: str = "on_setup") -> None:
        self.waits: list[DataWait] = []
        self.callback = Made("asking", **{hook: self.ask})

    def ask(self, run: Any) -> None:
        self.waits.append(run.measure_data_wait())


def timed(run: Run) -> FakeClock:
    clock = FakeClock()
    run.progress.clock = clock.monotonic
    return clock


def test_waiting_is_told_from_working(make_run: MakeRun) -> None:
    asking = Asking()
    with make_run(asking.callback) as run:
        clock = timed(run)
        loader = SlowLoader(clock, [4.0, 1.0, 1.0])
        train(run, 2, loader, do=lambda *_: clock.advance(2.0))
    (wait,) = asking.waits
    assert (wait.first_seconds, wait.seconds, wait.batches, wait.workers) == (8.0, 4.0, 6, None)
    assert wait.busy_seconds == 12.0


def test_nobody_asked_and_the_loop_reads_the_loader_itself(make_run: MakeRun) -> None:
    with make_run() as run:
        feed = iter([1.0])

        class Source:
            workers = 3

            def batches(self, epoch: int, skip: int) -> Iterator[float]:
                return feed

        assert run.feed_of(Source()) is feed
        run.measure_data_wait()
        assert run.feed_of(Source()) is not feed


def test_all_who_ask_get_one_account(make_run: MakeRun) -> None:
    one, two = Asking(), Asking("on_train_start")
    with make_run(one.callback, Made("two", on_setup=two.ask)) as run:
        train(run, 1)
    assert one.waits[0] is two.waits[0]
    assert one.waits[0].batches == 2


def test_a_pause_is_neither_waiting_nor_working(make_run: MakeRun) -> None:
    asking = Asking()
    with make_run(asking.callback, ask("pauses", "on_batch_end", lambda run: run.pause("lunch"))) as run:
        clock = timed(run)
        record = run.record

        def lunch(kind: str, data: Any) -> None:
            record(kind, data)
            if kind == "paused":
                clock.advance(3600.0)
                run.request(operator(Kind.UNPAUSE))

        run.record = lunch
        train(run, 1, SlowLoader(clock, [1.0, 1.0]), do=lambda *_: clock.advance(2.0))
    assert asking.waits[0].total_seconds == 6.0


def test_validation_is_not_measured(make_run: MakeRun) -> None:
    asking = Asking()
    with make_run(asking.callback) as run:
        clock = timed(run)
        train(run, 1, [1.0], validation=SlowLoader(clock, [9.0, 9.0]))
    assert (asking.waits[0].batches, asking.waits[0].total_seconds) == (1, 0.0)


def test_a_stop_and_a_loop_that_is_left_end_the_measuring(make_run: MakeRun) -> None:
    asking = Asking()
    with make_run(asking.callback, ask("stops", "on_step_end", lambda run: run.stop("enough"))) as run:
        train(run, 5)
    assert (asking.waits[0].batches, asking.waits[0].among_batches) == (1, False)
    left = Asking()
    with make_run(left.callback) as run:
        for _ in run.epochs(1):
            for _ in run.batches([1.0, 2.0, 3.0]):
                break
    assert (left.waits[0].batches, left.waits[0].among_batches) == (1, False)


def test_another_run_measures_anew(make_run: MakeRun) -> None:
    asking = Asking()
    for _ in range(2):
        with make_run(asking.callback) as run:
            train(run, 1)
    assert [wait.batches for wait in asking.waits] == [2, 2]


def test_a_background_callback_cannot_ask(make_run: MakeRun) -> None:
    refused: list[NotInline] = []

    def attempt(run: Any) -> None:
        with pytest.raises(NotInline, match=r"run\.measure_data_wait") as caught:
            run.measure_data_wait()
        refused.append(caught.value)

    with make_run(Made("behind", on_train_start=attempt, background=True)) as run:
        train(run, 1)
    assert len(refused) == 1
