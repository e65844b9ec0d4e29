"""A run that was interrupted, failed or was killed goes on as if nothing had happened, its callbacks included."""

from __future__ import annotations

import random
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from lineside.callback import Callback, every
from lineside.events import Event
from lineside.run import Run
from lineside.store import RunReader
from tests.unit.run.deaths import at_step, dies_at, dying, interrupted, kill, killed
from tests.unit.run.toys import (
    Made,
    MakeRun,
    Trace,
    ask,
    status,
    train,
)

EPOCHS, BATCHES, VALIDATION = 3, [[1.0], [2.0, 3.0], [4.0], [5.0]], [[6.0], [7.0, 8.0]]
NOT_REPEATED = {
    "on_setup",
    "on_train_start",
    "on_train_end",
    "on_teardown",
    "on_exception",
    "on_checkpoint",
    "on_alert",
}


class Often(Callback):
    """Fires by durations, and draws random numbers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.fired: list[Any] = []

    @every("3 steps")
    def on_batch_end(self, run: Any) -> None:
        self.fired.append(["steps", run.step, random.random()])

    @every("2 epochs")
    def on_epoch_end(self, run: Any) -> None:
        self.fired.append(["epochs", run.epoch])

    @every("5 samples")
    def on_batch_start(self, run: Any) -> None:
        self.fired.append(["samples", run.samples])

    def state_dict(self) -> dict[str, Any]:
        return {"fired": self.fired}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.fired = list(state["fired"])


class Saves(Callback):
    """Saves after every second step."""

    @every("2 steps")
    def on_batch_end(self, run: Any) -> None:
        run.save("often")


def look(run: Any) -> list[Any]:
    """Return what a callback reads, without what is time or says that a run was resumed."""
    metrics = {name: value for name, value in run.metrics.items() if name != "time/epoch"}
    counters = [run.epoch, run.step, run.batch, run.epochs_done, run.batches_done, run.samples, run.stage]
    return [*counters, metrics, dict(run.batch_metrics)]


def cast() -> list[Any]:
    return [Trace(look), Often(), Saves()]


def fit(run: Run, epochs: int = EPOCHS) -> None:
    for _ in run.epochs(epochs):
        for values in run.batches(BATCHES):
            run.log({"loss": sum(values) / len(values), "noise": random.random()})
            run.stepped()
        with run.validation():
            for values in run.batches(VALIDATION):
                run.log({"loss": sum(values) / len(values)})


def seen_by(callbacks: list[Any]) -> tuple[list[Any], list[Any]]:
    return [entry for entry in callbacks[0].seen if entry[0] not in NOT_REPEATED], callbacks[1].fired


@pytest.fixture
def whole(make_run: MakeRun, run_dir: Path) -> tuple[dict[str, list[float]], Any]:
    callbacks = cast()
    with make_run(*callbacks, run_dir=run_dir / "whole") as run:
        fit(run)
    assert len(run.history["val/loss"]) == EPOCHS
    assert len(set(run.history["train/noise"])) == EPOCHS
    return run.history, seen_by(callbacks)


POINTS = {
    "before the first save": (Event.BATCH_END, 0, 1),
    "in mid-epoch, at a save": (Event.BATCH_START, 0, 2),
    "in mid-epoch, behind a save": (Event.BATCH_END, 1, 7),
    "in validation": (Event.VAL_BATCH_END, 1, 8),
    "behind an epoch": (Event.EPOCH_START, 1, 4),
    "in the last epoch": (Event.STEP_END, 2, 11),
    "when everything is done": (Event.TRAIN_END, 3, 12),
}


def at(point: str, what: Callable[[], None]) -> Made:
    event, epoch, step = POINTS[point]
    done: list[bool] = []

    def hook(run: Any) -> None:
        if (run.epoch, run.step) == (epoch, step) and not done:
            done.append(True)
            what()

    return Made("fate", **{event.hook: hook})


def resumed(make_run: MakeRun) -> tuple[dict[str, list[float]], Any]:
    callbacks = cast()
    with make_run(*callbacks, resume="auto") as run:
        fit(run)
    assert run.attempt == 2
    return run.history, seen_by(callbacks)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork")
@pytest.mark.parametrize("point", POINTS)
def test_killed_with_nine_it_ends_as_the_uninterrupted_run(make_run: MakeRun, whole: Any, point: str) -> None:
    killed(make_run, fit, at(point, kill), *cast())
    assert resumed(make_run) == whole


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
@pytest.mark.parametrize("point", list(POINTS)[:-1])
def test_interrupted_it_ends_as_the_uninterrupted_run(make_run: MakeRun, whole: Any, point: str) -> None:
    with (
        pytest.raises(SystemExit),
        make_run(at(point, lambda: signal.raise_signal(signal.SIGTERM)), *cast()) as run,
    ):
        fit(run)
    assert status(run) == "interrupted"
    assert resumed(make_run) == whole


@pytest.mark.parametrize("point", ["in mid-epoch, behind a save", "in validation", "in the last epoch"])
def test_failed_it_ends_as_the_uninterrupted_run(make_run: MakeRun, whole: Any, point: str) -> None:
    def fail() -> None:
        raise MemoryError("too many samples")

    fate = at(point, fail)
    fate.on_error = "raise"
    with pytest.raises(MemoryError), make_run(fate, *cast()) as run:
        fit(run)
    assert status(run) == "failed"
    assert resumed(make_run) == whole


def test_an_epoch_that_is_resumed_in_the_middle_does_not_begin_again(make_run: MakeRun) -> None:
    with pytest.raises(SystemExit), make_run(at("in mid-epoch, behind a save", lambda: signal.raise_signal(15))) as run:
        fit(run)
    with make_run(trace := Trace(look), resume="auto") as run:
        fit(run)
    hooks = [hook for hook, _ in trace.seen]
    assert hooks[:3] == ["on_setup", "on_train_start", "on_batch_start"]
    assert hooks.count("on_epoch_start") == 1
    assert hooks.count("on_epoch_end") == 2


def test_the_order_of_setup_state_and_start(make_run: MakeRun) -> None:
    order: list[str] = []

    class Tells(Callback):
        def on_setup(self, run: Any) -> None:
            order.append(f"setup at {run.step}")

        def load_state_dict(self, state: Mapping[str, Any]) -> None:
            order.append("load")

        def state_dict(self) -> dict[str, Any]:
            return {}

        def on_train_start(self, run: Any) -> None:
            order.append(f"start at {run.step}, attempt {run.attempt}")

    with make_run(Tells()) as run:
        train(run, epochs=1)
    order.clear()
    with make_run(Tells(), resume=run.dir) as run:
        train(run, epochs=2)
    assert order == ["setup at 0", "load", "start at 2, attempt 2"]


# ---- other callbacks -------------------------------------------------------------------------------------------------


def test_a_run_that_resumes_with_other_callbacks_says_which_states_were_used(
    make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    interrupted(make_run, Trace(name="kept"), Trace(name="gone"), Made("stateless"))
    with caplog.at_level("INFO", "lineside"), make_run(kept := Trace(name="kept"), Trace(name="new"), resume="auto"):
        pass
    assert "State of callbacks: restored ['kept']; new ['new']; left ['gone']." in caplog.text
    assert "callbacks that this run does not have: gone." in caplog.text
    assert kept.seen[0] == "on_setup"
    assert "on_batch_end" in kept.seen


def test_a_callback_with_a_state_that_is_no_plain_data_costs_its_own_state_alone(
    make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd(Trace):
        def state_dict(self) -> dict[str, Any]:
            return {"seen": {1, 2, 3}}

    run = interrupted(make_run, Trace(name="good"), Odd(name="odd"))
    assert "state of callback odd" in caplog.text
    assert set(run.checkpoints.last.document("state.json")["callbacks"]) == {"good"}


def test_a_state_that_a_callback_goes_on_to_change_is_saved_as_it_was(make_run: MakeRun) -> None:
    with (
        pytest.raises(SystemExit),
        make_run(trace := Trace(), ask("fate", "on_val_batch_end", lambda run: signal.raise_signal(15))) as run,
    ):
        train(run)
    assert "on_val_start" in trace.seen
    assert run.checkpoints.last.document("state.json")["callbacks"]["trace"]["seen"][-1] == "on_train_epoch_end"


# ---- triggers by time ------------------------------------------------------------------------------------------------


def test_a_trigger_by_time_counts_the_time_of_all_attempts(make_run: MakeRun) -> None:
    fired: list[int] = []

    class Timed(Callback):
        @every("10 s")
        def on_batch_end(self, run: Any) -> None:
            fired.append(run.step)

    def tick(run: Run, value: float) -> None:
        run.progress.elapsed_before += 4.0

    with (
        pytest.raises(SystemExit),
        make_run(Timed(), ask("fate", "on_epoch_end", lambda run: signal.raise_signal(15))) as run,
    ):
        train(run, epochs=3, do=tick)
    assert fired == []  # 8 s
    with make_run(Timed(), resume="auto") as run:
        train(run, epochs=3, do=tick)
    assert fired == [3, 5]  # 12 s, 20 s


# ---- records ---------------------------------------------------------------------------------------------------------


def test_what_a_lost_attempt_recorded_is_superseded(make_run: MakeRun) -> None:
    saves = at_step(3, lambda run: run.save(), name="saves")
    dying(make_run, saves, dies_at(5))
    with make_run(resume="auto") as run:
        train(run, epochs=3, validation=None)
    with RunReader.open(run.dir) as reader:
        assert list(reader.series("batch/loss").steps) == [1, 2, 3, 4, 5, 6]
        assert list(reader.series("train/loss").values) == [1.5, 1.5, 1.5]
        everything = list(reader.series("batch/loss", attempts="all").steps)
    assert everything == [1, 2, 3, 4, 5, 4, 5, 6]
