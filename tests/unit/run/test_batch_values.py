from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from lineside.callback import Callback
from lineside.errors import OptionError
from lineside.ports import RunView
from lineside.run import batches
from lineside.run.driven import DrivenRun
from lineside.run.plain_host import PlainHost
from lineside.store.reader import RunReader

BATCHES = 50


class Idle(Callback):
    def on_exception(self, run: RunView, error: BaseException) -> None:
        pass


class Looks(Callback):
    """Has a hook in batches, so that everything is published at once."""

    def on_batch_end(self, run: RunView) -> None:
        pass


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values wait for a whole block, however slow the machine is."""
    monkeypatch.setattr(batches, "BLOCK_SECONDS", 1e9)


@pytest.fixture
def drive(run_dir: Path) -> Callable[..., DrivenRun]:
    def make(*callbacks: Any) -> DrivenRun:
        run = DrivenRun(callbacks=callbacks, run_dir=run_dir, host=PlainHost())
        run.open()
        run.train_start(epochs=1)
        run.epoch_start(0)
        return run

    return make


def batch(run: DrivenRun, number: int) -> bool:
    run.batch_start()
    run.optimizer_stepped()
    return run.batch_end(None, {"loss": 1.0 / (1 + number)}, size=2 + number % 2)


def close(run: DrivenRun) -> None:
    run.train_end()
    run.close()


def recorded(run: DrivenRun) -> tuple[list[int], list[float]]:
    with RunReader.open(run.dir) as reader:
        series = reader.series("batch/loss")
        return list(series.steps), list(series.values)


def test_a_batch_with_ten_idle_callbacks_calls_few_functions(drive: Callable[..., DrivenRun]) -> None:
    run = drive(*[Idle(name=f"idle-{number}") for number in range(10)])
    assert run.unseen
    run.batch_end(None, {"loss": 1.0}, size=2, steps=1)
    called: list[str] = []

    def count(frame: FrameType, what: str, _: Any) -> None:
        if what == "call":
            called.append(frame.f_code.co_qualname)

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        for _ in range(BATCHES):
            run.batch_end(None, {"loss": 1.0}, size=2, steps=1)
    finally:
        sys.setprofile(before)
    close(run)
    assert called == ["Batches.batch_end"] * BATCHES
    assert (run.step, run.batches_done, run.samples) == (1 + BATCHES, 1 + BATCHES, 2 * (1 + BATCHES))


def test_a_batch_that_nobody_sees_begins_by_itself(drive: Callable[..., DrivenRun]) -> None:
    run = drive(Idle())
    run.log({"own": 1.0})
    assert run.batch == 0
    run.batch_end(None, {"loss": 0.5}, size=2, steps=1)
    assert run.batch == 1
    run.log({"own": 3.0})
    run.batch_end(None, {"loss": 0.5}, size=2, steps=1)
    # What is logged behind the last batch belongs to none, and the number is that of the last one.
    run.log({"late": 7.0})
    run.train_epoch_end()
    assert run.batch == 1
    assert run.metrics["own"] == 2.0
    assert run.metrics["late"] == 7.0
    run.log({"later": 8.0})
    assert run.metrics["later"] == 8.0
    close(run)


def test_an_evaluation_in_mid_epoch_stands_between_batches(drive: Callable[..., DrivenRun]) -> None:
    run = drive(Idle())
    run.batch_end(None, {"loss": 0.5}, size=2, steps=1)
    run.evaluation_start("val")
    run.save("mine")
    run.log({"score": 4.0})
    run.evaluation_end()
    assert run.metrics["val/score"] == 4.0
    run.log({"own": 1.0})
    run.batch_end(None, {"loss": 1.5}, size=2, steps=1)
    run.train_epoch_end()
    assert (run.metrics["train/loss"], run.metrics["own"], run.batch) == (1.0, 1.0, 1)
    close(run)


def test_names_that_change_keep_their_order(drive: Callable[..., DrivenRun]) -> None:
    runs = [drive(Idle()), drive(Looks())]
    for run in runs:
        for number in range(6):
            run.batch_start()
            name = "loss" if number % 3 else "other"
            run.batch_end(None, {name: 1.0 * number}, size=2, steps=1)
        close(run)
    idle, seen = runs
    assert idle.history == seen.history
    for name in ("loss", "other"):
        assert idle.batch_metrics.point(name) == seen.batch_metrics.point(name)
    assert recorded(idle) == recorded(seen)


def test_whoever_looks_at_batches_or_not_finds_the_same(drive: Callable[..., DrivenRun]) -> None:
    runs = [drive(Idle()), drive(Looks())]
    for run in runs:
        for number in range(2 * batches.BLOCK + 3):
            batch(run, number)
        close(run)
    idle, seen = runs
    assert idle.history == seen.history
    assert idle.batch_metrics.point("loss") == seen.batch_metrics.point("loss")
    assert idle.progress.samples == seen.progress.samples
    rows = [recorded(run) for run in runs]
    assert len(rows[0][0]) == 2 * batches.BLOCK + 3
    assert rows[0] == rows[1]


def test_values_that_wait_are_there_for_whoever_reads_them(drive: Callable[..., DrivenRun]) -> None:
    run = drive(Idle())
    for number in range(3):
        batch(run, number)
        point = run.batch_metrics.point("train/loss")
        assert point is not None
        assert (point.value, point.step) == (1.0 / (1 + number), number)
    close(run)


def test_what_is_logged_within_a_batch_stands_beside_its_values(drive: Callable[..., DrivenRun]) -> None:
    run = drive(Idle())
    batch(run, 0)
    run.batch_start()
    run.log({"loss": 7.0, "own": 3.0})
    run.optimizer_stepped()
    run.batch_end(None, {"other": 5.0}, size=2)
    assert dict(run.batch_metrics) == {"train/loss": 7.0, "train/own": 3.0, "train/other": 5.0}
    close(run)


def test_a_checkpoint_of_mid_epoch_holds_what_waits(drive: Callable[..., DrivenRun]) -> None:
    run = drive(Idle())
    batch(run, 0)
    batch(run, 1)
    run.save("mine")
    batch(run, 2)
    saved = run.checkpoints.find("mine").document("state.json")
    close(run)
    assert "train/loss" in str(saved["averages"])
    assert saved["averages"]["weights"]["train/loss"] == 2 + 3 + 2


def test_a_value_that_is_no_number_ends_the_training_with_its_name(drive: Callable[..., DrivenRun]) -> None:
    run = drive(Idle())
    batch(run, 0)
    run.batch_start()
    run.optimizer_stepped()
    run.batch_end(None, {"loss": "much"}, size=2)
    with pytest.raises(OptionError, match=r"'loss' is a str"):
        run.train_epoch_end()
    assert run.closed
