from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lineside.callback import Callback
from lineside.ports import RunView
from lineside.run import batches
from lineside.run.driven import DrivenRun
from lineside.run.plain_host import PlainHost
from lineside.run.tally import Tally, Told
from lineside.store.reader import RunReader


class Idle(Callback):
    def on_exception(self, run: RunView, error: BaseException) -> None:
        pass


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """No batch is due because of the time, however slow the machine is."""
    monkeypatch.setattr(batches, "BLOCK_SECONDS", 1e9)


@pytest.fixture
def drive(run_dir: Path) -> Callable[[], DrivenRun]:
    def make() -> DrivenRun:
        run = DrivenRun(callbacks=[Idle()], run_dir=run_dir, host=PlainHost())
        run.open()
        run.train_start(epochs=1)
        run.epoch_start(0)
        return run

    return make


class Bridge:
    """Puts aside the loss of each batch, and its steps."""

    def __init__(self, run: DrivenRun, **options: Any) -> None:
        self.run, self.long = run, 0
        self.tally = run.put_aside(3, self._tell, **options)

    def _tell(self, aside: list[Any]) -> Told:
        times, losses, steps = (aside[place::3] for place in range(3))
        return Told(times, [{"loss": loss} for loss in losses], [2] * len(times), steps)

    def end(self, loss: float, now: float, steps: int = 1) -> bool:
        if now < self.tally.due and len(self.tally) < self.tally.full:
            self.tally += [now, loss, steps]
            return False
        self.long += 1
        self.run.count()
        return self.run.batch_end(None, {"loss": loss}, size=2, steps=steps)


def end(run: DrivenRun) -> None:
    run.train_end()
    run.close()


def test_whoever_reads_a_counter_reads_it_as_if_each_batch_had_been_ended(drive: Callable[[], DrivenRun]) -> None:
    run = drive()
    bridge = Bridge(run)
    for number in range(7):
        bridge.end(0.5, number, steps=number % 2)
    assert (bridge.long, len(bridge.tally)) == (1, 18)
    assert run.step == 3
    assert not bridge.tally
    bridge.end(0.5, 7.0)
    assert run.batch == 8
    bridge.end(0.5, 8.0)
    assert (run.samples, run.batches_done, run.progress.position) == (18, 9, 9)
    bridge.end(2.5, 9.0)
    assert run.batch_metrics["loss"] == 2.5
    bridge.end(3.0, 10.0)
    run.train_epoch_end()
    assert run.metrics["train/loss"] == pytest.approx((9 * 0.5 + 2.5 + 3.0) / 11)
    assert run.batch == 10
    end(run)
    with RunReader.open(run.dir) as reader:
        series = reader.series("batch/loss")
    assert list(series.values) == [0.5] * 9 + [2.5, 3.0]
    assert list(series.steps) == [0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7]


def test_a_list_that_is_full_is_counted(drive: Callable[[], DrivenRun]) -> None:
    run = drive()
    bridge = Bridge(run)
    for number in range(2 * batches.BLOCK + 10):
        bridge.end(0.5, number)
    assert bridge.long == 3
    assert len(bridge.tally) < bridge.tally.full
    end(run)
    assert run.step == 2 * batches.BLOCK + 10


def test_another_thread_counts_nothing(drive: Callable[[], DrivenRun]) -> None:
    run, seen = drive(), list[int]()
    bridge = Bridge(run)
    for number in range(3):
        bridge.end(0.5, number)
    look = threading.Thread(target=lambda: seen.append(run.step))
    look.start()
    look.join()
    assert seen == [1]
    assert run.step == 3
    end(run)


def test_a_request_of_another_thread_is_dealt_with_at_the_end_of_the_batch_under_way(
    drive: Callable[[], DrivenRun],
) -> None:
    run, woken = drive(), list[bool]()
    bridge = Bridge(run, woken=lambda: woken.append(True))
    for number in range(3):
        bridge.end(0.5, number)
    asking = threading.Thread(target=run.stop, args=("that was enough",))
    asking.start()
    asking.join()
    assert woken == [True]
    assert bridge.end(0.5, 3.0) is True
    assert (run.step, run.stopping) == (4, True)
    end(run)
    assert run.reason == "that was enough"


def test_what_is_logged_belongs_to_the_batch_under_way(drive: Callable[[], DrivenRun]) -> None:
    run = drive()
    bridge = Bridge(run)
    for number in range(3):
        bridge.end(0.5, number)
    run.log({"own": 7.0})
    bridge.end(1.5, 3.0)
    bridge.end(2.5, 4.0)
    end(run)
    with RunReader.open(run.dir) as reader:
        assert list(reader.series("batch/loss").values) == [0.5, 0.5, 0.5, 1.5, 2.5]
        assert list(reader.series("batch/own").steps) == [4]


def test_a_batch_that_is_not_over_stays_where_it_is(drive: Callable[[], DrivenRun]) -> None:
    run = drive()
    over = [True, False]

    def tell(aside: list[Any]) -> Told:
        if not over[-1]:
            run.tally.extend(aside[-1:])
            aside = aside[:-1]
        return Told(aside, [{"loss": now} for now in aside], [1] * len(aside), [1] * len(aside))

    tally = run.put_aside(1, tell)
    tally += [1.0, 2.0, 3.0]
    assert (run.step, list(tally)) == (2, [3.0])
    assert (run.step, list(tally)) == (2, [3.0])
    over.append(True)
    assert (run.step, list(tally)) == (3, [])
    end(run)


def test_a_failure_finds_the_counters_as_they_are(drive: Callable[[], DrivenRun]) -> None:
    run = drive()
    bridge = Bridge(run)
    for number in range(4):
        bridge.end(0.5, number)
    run.fail(RuntimeError("boom"))
    assert run.step == 4
    with RunReader.open(run.dir) as reader:
        assert len(reader.series("batch/loss").values) == 4


def test_the_planned_steps_are_done_for_whoever_asks(drive: Callable[[], DrivenRun]) -> None:
    run = drive()
    run.end_after(3)
    bridge = Bridge(run)
    for number in range(3):
        assert not run.stopping
        bridge.end(0.5, number)
    assert run.stopping
    end(run)


def test_a_tally_is_due_from_the_beginning_and_when_it_is_woken() -> None:
    tally = Tally(2, lambda aside: Told([], [], [], []))
    assert tally.due == 0.0
    tally.due = 9.0
    tally.wake()
    assert tally.due == 0.0
    assert tally.full == 2 * batches.BLOCK
