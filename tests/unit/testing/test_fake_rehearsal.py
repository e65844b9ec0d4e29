from __future__ import annotations

from typing import Any

import pytest

from lineside.callback import Callback
from lineside.errors import RunStateError
from lineside.events import Event
from lineside.testing import FakeRun


class Rehearses(Callback):
    def __init__(self, steps: int = 3, then: Any = None) -> None:
        super().__init__()
        self.steps, self.then = steps, then
        self.seen: list[Any] = []

    def on_train_start(self, run: Any) -> None:
        run.rehearse(self.steps, lambda: self.done(run))

    def on_batch_start(self, run: Any) -> None:
        run.schedule_lr(run.lr["0"] * 2)

    def on_batch_end(self, run: Any) -> None:
        self.seen.append((run.rehearsing, run.step, run.batch, run.batch_metrics["loss"], run.lr["0"]))

    def done(self, run: Any) -> None:
        self.seen.append("done")
        if self.then is not None:
            self.then(run)


def test_batches_are_played_in_front_and_undone() -> None:
    rehearses, events = Rehearses(), []

    class Other(Callback):
        def on_batch_end(self, run: Any) -> None:
            events.append(run.step)

    run = FakeRun([rehearses, Other()], lr=0.1, batches=2)
    run.batch_end(loss=0.5)
    assert rehearses.seen == [
        (True, 1, 0, 0.5, 0.2),
        (True, 2, 1, 0.5, 0.4),
        (True, 3, 0, 0.5, 0.8),
        "done",
        (False, 1, 0, 0.5, 0.2),
    ]
    assert events == [1]
    assert [row[0] for row in run.logged] == [1]


def test_its_metrics_are_the_tests_choice() -> None:
    rehearses = Rehearses(2)
    run = FakeRun([rehearses], lr=0.1, rehearsal=lambda run: {"loss": run.lr["0"]})
    run.batch_end(loss=7.0)
    assert [seen[3] for seen in rehearses.seen if seen != "done"] == [0.2, 0.4, 7.0]


def test_it_can_be_ended_early_and_stop_the_training() -> None:
    class Short(Rehearses):
        def on_batch_end(self, run: Any) -> None:
            super().on_batch_end(run)
            run.end_rehearsal()

    rehearses = Short(100, lambda run: run.stop("seen enough"))
    run = FakeRun([rehearses], lr=0.1).play(3)
    assert len(rehearses.seen) == 2
    assert run.stopped
    assert (run.step, run.epochs_done) == (0, 0)


def test_only_callbacks_can_ask_for_one() -> None:
    with pytest.raises(RunStateError, match="is for callbacks"):
        FakeRun().rehearse(3, lambda: None)


def test_events_that_a_test_emits_itself_are_no_rehearsal() -> None:
    rehearses = Rehearses()
    run = FakeRun([rehearses], lr=0.1)
    run.start()
    run.log({"loss": 0.5})
    run.emit(Event.BATCH_START)
    assert not run.rehearsing
