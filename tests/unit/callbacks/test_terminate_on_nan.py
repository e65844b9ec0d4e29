from __future__ import annotations

from datetime import timedelta

import pytest

from lineside.callbacks.terminate_on_nan import TerminateOnNaN
from lineside.errors import OptionError
from lineside.testing import CallbackContract, FakeRun


class TestContract(CallbackContract):
    def make(self, **options):
        return TerminateOnNaN("3 batches", **options)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_it_stops_at_the_first_loss_that_is_not_finite_and_says_where(value) -> None:
    run = FakeRun([TerminateOnNaN()], batches=4)
    run.epoch_end(loss=0.5)
    run.batch_end(loss=0.4)
    run.batch_end(loss=value)
    assert run.stopped
    assert [request.reason for request in run.requests] == [f"the loss is {value} in epoch 2, step 6, batch 2"]


def test_finite_losses_are_no_reason() -> None:
    run = FakeRun([TerminateOnNaN()]).play(3, lambda _: {"train/loss": 0.0})
    assert not run.stopped


def test_without_a_loss_there_is_nothing_to_stop_for() -> None:
    run = FakeRun([TerminateOnNaN()]).play(2, lambda _: {"train/accuracy": float("nan")})
    assert not run.stopped


def test_it_asks_once_while_gradients_are_accumulated() -> None:
    run = FakeRun([TerminateOnNaN()])
    run.batch_end(loss=float("nan"), stepped=False)
    run.batch_end(loss=float("nan"), stepped=False)
    assert (len(run.requests), run.stopped) == (1, False)
    run.batch_end(loss=float("nan"))
    assert (len(run.requests), run.stopped) == (1, True)


class OnDevice:
    """A loss on an accelerator: counts how often somebody waits for it."""

    shape = ()

    def __init__(self) -> None:
        self.reads = 0

    def __float__(self) -> float:
        self.reads += 1
        return 0.5

    def __mul__(self, weight):
        return self

    __add__ = __mul__


@pytest.mark.parametrize(("every", "reads"), [(None, 6), ("1 batch", 6), ("3 batches", 2), (timedelta(seconds=4), 1)])
def test_a_loss_on_a_device_is_waited_for_as_often_as_asked_for(every, reads) -> None:
    run = FakeRun([TerminateOnNaN(every)], batches=8)
    loss = OnDevice()
    for _ in range(6):
        run.batch_end(loss=loss)
    assert loss.reads == reads


def test_it_looks_less_often_if_told_so() -> None:
    run = FakeRun([TerminateOnNaN("3 steps")], batches=8)
    for step in range(1, 7):
        run.batch_end(loss=float("nan"))
        assert run.stopped == (step >= 3)


def test_every_rank_looks_and_says_which_it_is() -> None:
    run = FakeRun([TerminateOnNaN()], rank=1, world_size=2)
    run.batch_end(loss=float("nan"))
    assert run.requests[0].reason == "the loss is nan in epoch 1, step 1, batch 1 (rank 1)"


def test_it_works_in_the_background() -> None:
    run = FakeRun([TerminateOnNaN(background=True)])
    run.batch_end(loss=float("nan"))
    assert [(request.origin, request.step) for request in run.requests] == [("background", 1)]


def test_the_reason_is_in_the_language_that_was_asked_for(monkeypatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    run = FakeRun([TerminateOnNaN()])
    run.batch_end(loss=float("nan"))
    assert run.requests[0].reason == "第 1 轮，第 1 步，第 1 个批次：损失为 nan"


def test_a_second_fit_is_watched_again() -> None:
    terminate = TerminateOnNaN()
    for _ in range(2):
        run = FakeRun([terminate])
        run.batch_end(loss=float("nan"))
        assert run.stopped


def test_an_interval_without_a_unit_is_refused() -> None:
    with pytest.raises(OptionError, match="every=50"):
        TerminateOnNaN(50)
