from __future__ import annotations

import math

import pytest

from lineside.adopted.transformers_state import Score, TrainerControl, TrainerState, taken
from lineside.errors import AdoptedError
from lineside.testing import FakeRun


def test_the_epoch_has_a_fraction_where_the_batches_are_known() -> None:
    run = FakeRun(batches=4)
    state = TrainerState(run, "mine", Score())
    run.batch_end(loss=0.5)
    assert state.epoch == 0.25
    run.epoch_end(loss=0.5)
    assert state.epoch == 1.0


def test_the_epoch_is_whole_where_they_are_not() -> None:
    run = FakeRun(batches=4, sized=False)
    state = TrainerState(run, "mine", Score())
    run.batch_end(loss=0.5)
    assert (state.epoch, state.max_steps) == (0.0, 0)


def test_what_is_not_kept_is_refused() -> None:
    with pytest.raises(AdoptedError, match=r"state\.total_flos"):
        _ = TrainerState(FakeRun(), "mine", Score()).total_flos


def test_the_best_value_in_both_directions() -> None:
    least, greatest = Score(), Score()
    for step, value in enumerate((math.nan, 0.5, None, 0.0, 0.5)):
        least.see(value, step, greater_is_better=False)
        greatest.see(value, step, greater_is_better=True)
    assert (least.best, least.best_step) == (0.0, 3)
    assert (greatest.best, greatest.best_step) == (0.5, 1)


def test_the_score_survives_a_restart() -> None:
    score, again = Score(), Score()
    score.see(0.5, 4, greater_is_better=False)
    score.history.append({"loss": 0.5})
    history = again.history
    again.load_state_dict(score.state_dict())
    assert again.state_dict() == score.state_dict()
    assert history == [{"loss": 0.5}]


def test_a_switch_is_put_back_when_it_is_taken() -> None:
    control = TrainerControl(FakeRun(), "mine")
    control.should_save = True
    assert taken(control, "should_save")
    assert not taken(control, "should_save")


def test_an_unknown_switch_is_refused() -> None:
    with pytest.raises(AdoptedError, match=r"control\.should_pause.*should_save"):
        TrainerControl(FakeRun(), "mine").should_pause = True
