from __future__ import annotations

import json
from typing import get_args

import pytest

from lineside.progress import Phase, Progress
from lineside.testing.clock import FakeClock


def test_elapsed_counts_between_start_and_stop_alone() -> None:
    clock = FakeClock()
    progress = Progress(clock=clock.monotonic)
    clock.advance(5)
    assert progress.elapsed == 0
    progress.start_clock()
    clock.advance(2)
    assert progress.elapsed == 2
    progress.stop_clock()
    clock.advance(100)  # a pause
    assert progress.elapsed == 2
    progress.start_clock()
    clock.advance(1)
    assert progress.elapsed == 3


def test_starting_or_stopping_twice_counts_no_time_twice() -> None:
    clock = FakeClock()
    progress = Progress(clock=clock.monotonic)
    progress.start_clock()
    clock.advance(2)
    progress.start_clock()
    clock.advance(1)
    progress.stop_clock()
    progress.stop_clock()
    assert progress.elapsed == 3


def test_the_wall_time_of_an_attempt_leaves_out_pauses_and_earlier_attempts() -> None:
    clock = FakeClock()
    progress = Progress(clock=clock.monotonic)
    assert progress.wall == 0
    progress.open_clock()
    progress.load_state_dict(Progress().state_dict() | {"elapsed": 1000.0})
    clock.advance(1)  # setting up
    progress.start_clock()
    clock.advance(2)
    progress.stop_clock()
    clock.advance(100)  # a pause
    progress.start_clock()
    clock.advance(3)
    progress.stop_clock()
    clock.advance(4)  # the end
    assert (progress.elapsed, progress.wall) == (1005, 10)


@pytest.mark.parametrize("phase", [phase for phase in get_args(Phase) if phase != "done"])
def test_a_resumed_run_goes_on_where_the_saved_one_was(phase: Phase) -> None:
    clock = FakeClock()
    saved = Progress(3, 120, 7, 3, 127, 4064, phase, total_epochs=10, clock=clock.monotonic)
    saved.start_clock()
    clock.advance(60)
    resumed = Progress(total_epochs=12, clock=clock.monotonic)
    resumed.load_state_dict(json.loads(json.dumps(saved.state_dict())))
    clock.advance(1000)  # nobody trained
    resumed.start_clock()
    clock.advance(1)
    assert (resumed.epoch, resumed.step, resumed.position) == (3, 120, 7)
    assert (resumed.epochs_done, resumed.batches_done, resumed.samples) == (3, 127, 4064)
    assert resumed.phase == phase
    assert resumed.elapsed == 61
    assert resumed.total_epochs == 12


def test_an_epoch_that_was_over_is_followed_by_the_next() -> None:
    resumed = Progress()
    resumed.load_state_dict(Progress(3, 120, 40, 4, 160, 5120, "done").state_dict())
    assert (resumed.epoch, resumed.position, resumed.phase) == (4, 0, "fresh")
    assert (resumed.step, resumed.epochs_done) == (120, 4)


def test_the_record_of_a_run_says_how_far_it_is() -> None:
    progress = Progress(epoch=2, step=50, total_epochs=10)
    assert progress.summary() == {"epoch": 2, "total_epochs": 10, "step": 50, "total_steps": None}
