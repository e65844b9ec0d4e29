from __future__ import annotations

from lineside.store.entries import Attempt
from lineside.store.series import Series, floats, integers
from lineside.store.supersede import Cuts


def test_what_came_after_the_checkpoint_no_longer_counts() -> None:
    cuts = Cuts([Attempt(1, 0.0), Attempt(2, 0.0, resumed_step=80)])
    assert [cuts.keep(1, step, 0.0) for step in (79, 80, 81)] == [True, True, False]
    assert cuts.keep(2, 81, 0.0)


def test_at_the_step_of_the_checkpoint_the_time_of_its_state_decides() -> None:
    cuts = Cuts([Attempt(1, 0.0), Attempt(2, 0.0, resumed_step=80, resumed_time=5.0)])
    assert [cuts.keep(1, 80, time) for time in (4.0, 5.0, 6.0)] == [True, True, False]


def test_a_later_resume_from_further_back_cuts_all_before_it() -> None:
    attempts = [Attempt(1, 0.0), Attempt(2, 0.0, resumed_step=80), Attempt(3, 0.0, resumed_step=50)]
    cuts = Cuts(reversed(attempts))
    assert [cuts.keep(1, step, 0.0) for step in (50, 51)] == [True, False]
    assert [cuts.keep(2, step, 0.0) for step in (50, 51)] == [True, False]


def test_a_later_resume_from_further_on_brings_nothing_back() -> None:
    cuts = Cuts([Attempt(1, 0.0), Attempt(2, 0.0, resumed_step=50), Attempt(3, 0.0, resumed_step=80)])
    assert not cuts.keep(1, 60, 0.0)
    assert cuts.keep(2, 80, 0.0)


def test_an_attempt_that_started_from_nothing_supersedes_all() -> None:
    assert not Cuts([Attempt(1, 0.0), Attempt(2, 0.0)]).keep(1, 0, 0.0)


def test_an_unknown_attempt_and_a_record_without_a_step_count() -> None:
    cuts = Cuts([Attempt(1, 0.0), Attempt(2, 0.0)])
    assert cuts.keep(9, 1000, 0.0)
    assert cuts.keep(1, None, 0.0)


def test_points_are_cut_like_records() -> None:
    cuts = Cuts([Attempt(1, 0.0), Attempt(2, 0.0, resumed_step=2, resumed_time=20.0)])
    points = Series(integers([1, 2, 2, 3]), integers([0] * 4), floats([1, 2, 3, 4]), floats([10, 20, 21, 30]))
    assert list(cuts.kept(points, 1).values) == [1, 2]
    assert cuts.kept(points, 2) == points
