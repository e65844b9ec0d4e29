from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lineside.callback import Callback
from lineside.control import Kind, Request
from lineside.ports import RunView
from lineside.run import batches
from lineside.run.driven import DrivenRun
from lineside.run.plain_host import PlainHost

STOP = Request(Kind.STOP, "enough", "somebody", "operator")


class Idle(Callback):
    def on_exception(self, run: RunView, error: BaseException) -> None:
        pass


class Looks(Callback):
    """Has a hook in batches."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def on_batch_end(self, run: RunView) -> None:
        self.seen.append(run.batch_metrics["loss"])


class Broken(Callback):
    """Must not fail, and does in the background."""

    background = True
    on_error = "raise"

    def on_train_start(self, run: RunView) -> None:
        raise OSError("the disk is gone")


class Array:
    def __init__(self, *shape: int) -> None:
        self.shape = shape


class ArrayHost(PlainHost):
    array = Array


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks by himself, however slow the machine is."""
    monkeypatch.setattr(batches, "BLOCK_SECONDS", 1e9)


@pytest.fixture(params=[Idle, Looks])
def callback(request: pytest.FixtureRequest) -> Callback:
    made: Callback = request.param()
    return made


@pytest.fixture
def drive(run_dir: Path) -> Callable[..., DrivenRun]:
    def make(*callbacks: Any, host: Any = None) -> DrivenRun:
        run = DrivenRun(callbacks=callbacks, run_dir=run_dir, host=host or PlainHost())
        run.open()
        run.train_start(epochs=1)
        run.epoch_start(0)
        return run

    return make


def batch(run: DrivenRun, steps: int = 1, data: Any = None) -> bool:
    run.batch_start(data)
    return run.batch_end(data, {"loss": 1.0}, size=None if data is not None else 4, steps=steps)


def close(run: DrivenRun) -> None:
    run.train_end()
    run.close()


def test_a_request_from_another_thread_is_met_at_the_end_of_the_batch(
    drive: Callable[..., DrivenRun], callback: Callback
) -> None:
    run = drive(callback)
    assert [batch(run) for _ in range(3)] == [False] * 3
    thread = threading.Thread(target=run.request, args=[STOP])
    thread.start()
    thread.join()
    assert batch(run)
    assert run.points.stopping == "enough"
    # Whoever goes on nevertheless is told again.
    assert batch(run)
    close(run)


def test_it_waits_for_a_step(drive: Callable[..., DrivenRun], callback: Callback) -> None:
    run = drive(callback)
    batch(run)
    run.request(STOP)
    assert not batch(run, steps=0)
    assert not batch(run, steps=0)
    assert batch(run)
    close(run)


def test_what_another_thread_publishes_is_there_behind_the_batch(
    drive: Callable[..., DrivenRun], callback: Callback
) -> None:
    run = drive(callback)
    batch(run)
    run.publish({"temperature": 60.0}, "somebody")
    batch(run)
    assert run.metrics["temperature"] == 60.0
    close(run)


def test_a_background_callback_that_must_not_fail_ends_the_run_at_the_next_batch(
    drive: Callable[..., DrivenRun], callback: Callback
) -> None:
    run = drive(callback, broken := Broken())
    while not run.dispatcher.fatal:
        run.dispatcher.background[broken.name].lane.run_waiting()
    with pytest.raises(OSError, match="disk is gone"):
        batch(run)
    assert run.closed


def test_a_clock_that_is_set_back_keeps_nothing_waiting(
    drive: Callable[..., DrivenRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = drive(Idle())
    batch(run)
    monkeypatch.setattr(batches, "time", lambda: 0.0)
    for _ in range(batches.BLOCK + 1):
        batch(run)
    assert len(run._waiting) < batches._FULL
    run.request(STOP)
    assert batch(run)
    close(run)


@pytest.mark.parametrize(
    ("data", "samples"),
    [
        (Array(8, 3), 8),
        ((Array(8, 3), Array(8)), 8),
        ([Array(2)], 2),
        ({"inputs": Array(5, 1)}, 5),
        ((Array(), Array(6)), 1),  # the host decides, which sees no length here
        ((), 0),
        ({}, 0),
        ("abc", 1),
    ],
)
def test_a_batch_tells_how_many_samples_it_has(
    drive: Callable[..., DrivenRun], callback: Callback, data: Any, samples: int
) -> None:
    run = drive(callback, host=ArrayHost())
    batch(run, data=data)
    assert run.samples == samples
    close(run)


def test_steps_and_batches_are_counted_alike_whoever_looks(drive: Callable[..., DrivenRun], callback: Callback) -> None:
    run = drive(callback)
    for number in range(6):
        batch(run, steps=number % 2)
    assert (run.step, run.batches_done, run.samples) == (3, 6, 24)
    assert run.metrics.resolve("loss") is None  # of the epoch, which is not over
    close(run)
    assert run.history["train/loss"] == [1.0]


def test_a_hook_at_a_safe_point_sees_the_batch_that_is_over(
    drive: Callable[..., DrivenRun], callback: Callback
) -> None:
    seen: list[int] = []

    class Saved(Callback):
        def on_checkpoint(self, run: RunView, checkpoint: Any) -> None:
            seen.append(run.batch)

    run = drive(callback, Saved())
    for _ in range(3):
        batch(run)
    run.save("mine")
    batch(run)
    assert seen == [3]
    close(run)


def test_what_a_batch_gave_is_let_go_at_its_end(drive: Callable[..., DrivenRun], callback: Callback) -> None:
    run = drive(callback)
    run.batch_start()
    run.outputs, run.loss = object(), 1.0
    run.batch_end(None, {"loss": 1.0}, size=4, steps=1)
    assert run.outputs is None
    assert run.loss is None
    close(run)


def test_a_request_that_is_due_again_later_is_looked_at_when_it_is_due(
    drive: Callable[..., DrivenRun], callback: Callback, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = drive(callback)
    run.points.replay([(4, STOP)])
    looks: list[int] = []
    look = DrivenRun._look
    monkeypatch.setattr(DrivenRun, "_look", lambda run: looks.append(run.step) or look(run))
    ends = [batch(run) for _ in range(3)] + [batch(run, steps=0), batch(run)]
    assert ends == [False, False, False, False, True]
    assert looks == [1, 4]
    close(run)
