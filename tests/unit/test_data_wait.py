from __future__ import annotations

from collections.abc import Iterator

import pytest

from lineside.data_wait import DataWait


class Clock:
    """A clock that a test, or a feed, moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def feed(clock: Clock, waits: list[float], closed: list[bool] | None = None) -> Iterator[int]:
    try:
        for number, wait in enumerate(waits):
            clock.now += wait
            yield number
    finally:
        if closed is not None:
            closed.append(True)


def work(wait: DataWait, clock: Clock, waits: list[float], seconds: float = 1.0) -> None:
    for _ in wait.measured(feed(clock, waits), 2, clock):
        clock.now += seconds


def test_waiting_and_working_are_told_apart_and_the_first_batch_stands_alone() -> None:
    wait, clock = DataWait(), Clock()
    work(wait, clock, [5.0, 0.5, 0.25])
    assert (wait.first_seconds, wait.seconds, wait.busy_seconds) == (5.0, 0.75, 3.0)
    assert (wait.batches, wait.workers, wait.total_seconds) == (3, 2, 8.75)


def test_epochs_add_up() -> None:
    wait, clock = DataWait(), Clock()
    work(wait, clock, [4.0, 1.0])
    clock.now += 1000.0  # validation
    work(wait, clock, [2.0, 1.0, 1.0])
    assert (wait.first_seconds, wait.seconds, wait.busy_seconds, wait.batches) == (6.0, 3.0, 5.0, 5)


def test_what_comes_through_is_the_feed() -> None:
    wait, clock = DataWait(), Clock()
    assert list(wait.measured(feed(clock, [0.0] * 4), None, clock)) == [0, 1, 2, 3]
    assert list(wait.measured(feed(clock, []), None, clock)) == []
    assert (wait.batches, wait.workers, wait.seconds) == (4, None, 0.0)


@pytest.mark.parametrize("taken", [1, 2])
def test_a_loop_that_is_left_closes_the_feed(taken: int) -> None:
    wait, clock, closed = DataWait(), Clock(), list[bool]()
    measured = wait.measured(feed(clock, [1.0] * 9, closed), 0, clock)
    for _ in range(taken):
        next(measured)
    assert wait.among_batches
    measured.close()
    assert closed == [True]
    assert not wait.among_batches


def test_a_feed_that_cannot_be_closed_is_fine() -> None:
    wait = DataWait()
    assert list(wait.measured(iter([1, 2, 3]), 0, Clock())) == [1, 2, 3]


def test_an_error_of_the_loader_passes_through() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise RuntimeError("no such file")

    wait = DataWait()
    with pytest.raises(RuntimeError, match="no such file"):
        list(wait.measured(broken(), 0, Clock()))
    assert (wait.batches, wait.among_batches) == (1, False)


def test_a_validation_between_two_batches_is_left_out() -> None:
    wait, clock = DataWait(), Clock()
    for number in wait.measured(feed(clock, [1.0, 1.0]), 0, clock):
        clock.now += 3.0
        if number == 0:
            clock.now += 50.0
            wait.leave_out(50.0)
    assert (wait.busy_seconds, wait.total_seconds) == (6.0, 8.0)
