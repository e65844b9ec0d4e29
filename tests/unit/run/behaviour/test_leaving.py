"""A callback asks the run to save and to leave: as a signal does, with another exit code."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from lineside.callbacks.time_limit import TimeLimit
from lineside.run import Run, safe_points
from lineside.run.safe_points import TRY_AGAIN
from lineside.testing import FakeClock
from tests.unit.run.steered import Door, while_paused
from tests.unit.run.toys import MakeRun, Trace, answers, ask, events, status, train

LEAVES = "no time left"


def leaves(hook: str, **options: Any) -> Any:
    return ask("leaves", hook, lambda run: run.interrupt(LEAVES), **options)


def train_until_asked(run: Run) -> None:
    """Train, and wait in each batch until somebody beside the training has asked for something."""
    door = Door(run)
    train(run, do=lambda *_: door.come_in.wait(60))


def left(make_run: MakeRun, *callbacks: Any, training: Any = train) -> Run:
    with pytest.raises(SystemExit) as ended, make_run(*callbacks) as run:
        training(run)
    assert ended.value.code == TRY_AGAIN == 75
    return run


@pytest.mark.parametrize(("hook", "step"), [("on_batch_end", 1), ("on_epoch_end", 2), ("on_train_start", 0)])
def test_the_run_saves_at_the_next_safe_point_and_leaves(make_run: MakeRun, hook: str, step: int) -> None:
    run = left(make_run, leaves(hook), trace := Trace())
    assert run.checkpoints.last is not None
    assert (run.checkpoints.last.step, run.checkpoints.last.tags) == (step, ("interrupt",))
    assert trace.seen[-2:] == ["on_checkpoint", "on_teardown"], "no validation, no end hooks"
    assert (status(run), run.reason) == ("interrupted", f"interrupted: {LEAVES}")
    assert answers(run) == [("interrupt", "leaves", f"applied at step {step}")]


def test_a_validation_is_left_at_the_end_of_its_batch_and_begins_again(make_run: MakeRun) -> None:
    run = left(make_run, leaves("on_val_batch_end"))
    assert run.checkpoints.last is not None
    assert run.checkpoints.last.step == 2
    with make_run(trace := Trace(), resume="auto") as resumed:
        train(resumed)
    assert trace.seen[:3] == ["on_setup", "on_train_start", "on_val_start"]
    assert resumed.step == 4


def test_the_resumed_run_goes_on_and_is_not_interrupted_again(make_run: MakeRun) -> None:
    """Nobody asks again for what a callback in the background had asked, and the record does not ask for it."""
    first = left(make_run, leaves("on_epoch_start", background=True), training=train_until_asked)
    assert answers(first) == [("interrupt", "leaves", "applied at step 1")]
    with make_run(resume="auto") as resumed:
        train(resumed)
    assert (resumed.dir, resumed.step, status(resumed)) == (first.dir, 4, "completed")


def test_what_comes_when_the_training_is_over_is_refused(make_run: MakeRun) -> None:
    with make_run(leaves("on_train_end")) as run:
        train(run)
    assert (status(run), run.reason) == ("completed", "all 2 epochs are done")
    assert answers(run) == [("interrupt", "leaves", "refused: the training is over")]


# ---- the callback that does so ---------------------------------------------------------------------------------------


class Bell:
    """A timer that rings when the test says so, from a thread of its own."""

    daemon = False

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.armed = clock, threading.Event()

    def __call__(self, seconds: float, ring: Any, arguments: list[Any]) -> Bell:
        self.seconds, self.ring, self.arguments = seconds, ring, arguments
        return self

    def start(self) -> None:
        self.armed.set()

    def cancel(self) -> None:
        """It has no thread that waits."""

    def go_off(self) -> None:
        assert self.armed.wait(60)
        self.clock.advance(self.seconds)
        threading.Thread(target=self.ring, args=self.arguments).start()


def test_the_time_of_a_job_ends_a_pause_too(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_points, "PAUSE_POLL", 0.001)
    bell = Bell(FakeClock())
    limit = TimeLimit("1 h", slurm=False, clock=bell.clock.time, timer=bell)
    pauses = ask("pauses", "on_batch_end", lambda run: run.pause("nobody will ever end this"))

    def paused(run: Run) -> None:
        while_paused(run, bell.go_off)
        train(run)

    run = left(make_run, limit, pauses, training=paused)
    assert status(run) == "interrupted"
    assert str(run.reason).startswith("interrupted: the time of the job ends at ")
    assert [alert["title"] for alert in events(run, "alert")] == ["The time of the job is nearly up"]
    assert run.checkpoints.last is not None
    assert run.checkpoints.last.step == 1


def test_a_real_clock_ends_a_run_whose_time_is_up(make_run: MakeRun) -> None:
    run = left(make_run, TimeLimit(0.02, reserve=0.01, slurm=False), training=train_until_asked)
    assert status(run) == "interrupted"
    with make_run(TimeLimit("1 h", slurm=False), resume="auto") as resumed:
        train(resumed)
    assert (resumed.dir, resumed.step, status(resumed)) == (run.dir, 4, "completed")


def test_a_training_within_its_time_is_left_alone(make_run: MakeRun) -> None:
    with make_run(TimeLimit("1 h", slurm=False)) as run:
        train(run)
    assert status(run) == "completed"
    assert not events(run, "alert")
