from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from lineside.last_good import LastGood
from lineside.testing import FakeRun


def saved(kept: LastGood, run: FakeRun, step: int, *, commits: bool = True) -> None:
    """Ask for a checkpoint at a step; it is committed, or fails."""
    run.step = step
    kept.keep(run, "why", [float(step)])
    if commits:
        kept.note(SimpleNamespace(tags=[run.requests[-1].arguments["tag"]], step=step))  # type: ignore[arg-type]


def step_of(kept: LastGood) -> int | None:
    return kept.good.step if kept.good is not None else None


def pins(run: FakeRun) -> list[Any]:
    return [request.arguments["pin"] for request in run.requests]


def test_the_first_is_good_once_it_is_on_the_disk() -> None:
    kept, run = LastGood("guard"), FakeRun()
    assert not kept.begin(run)
    saved(kept, run, 0, commits=False)
    assert kept.good is None
    kept.note(SimpleNamespace(tags=["guard-0", "best"], step=0))  # type: ignore[arg-type]
    assert step_of(kept) == 0


def test_a_newer_one_is_good_when_the_next_is_asked_for() -> None:
    kept, run = LastGood("guard"), FakeRun()
    good = []
    for step in (0, 10, 20, 30):
        saved(kept, run, step)
        good.append(step_of(kept))
    assert good == [0, 0, 10, 20]
    assert kept.good is not None
    assert kept.good.usual == [20.0]


def test_two_pins_are_enough_and_the_good_one_keeps_its_own() -> None:
    kept, run = LastGood("guard"), FakeRun()
    for step in (0, 10, 20, 30):
        saved(kept, run, step)
    assert pins(run) == ["guard-0", "guard-1", "guard-0", "guard-1"]


def test_after_trouble_the_newer_one_never_becomes_good() -> None:
    kept, run = LastGood("guard"), FakeRun()
    for step in (0, 10, 20):
        saved(kept, run, step)
    kept.forget_newer()
    saved(kept, run, 30)
    assert step_of(kept) == 10
    assert pins(run)[-1] == "guard-0", "the pin of what is good is left alone"
    saved(kept, run, 40)
    assert step_of(kept) == 30


def test_one_whose_save_failed_never_becomes_good() -> None:
    kept, run = LastGood("guard"), FakeRun()
    saved(kept, run, 0)
    saved(kept, run, 10, commits=False)
    saved(kept, run, 20)
    assert step_of(kept) == 0
    saved(kept, run, 30)
    assert step_of(kept) == 20


def test_a_save_that_succeeds_later_holds_another_moment() -> None:
    kept, run = LastGood("guard"), FakeRun()
    saved(kept, run, 0, commits=False)
    kept.note(SimpleNamespace(tags=["guard-0"], step=8))  # type: ignore[arg-type]
    assert kept.good is None


def resumed(kept: LastGood, *, step: int, attempt: int = 2) -> tuple[LastGood, bool]:
    again, run = LastGood("guard"), FakeRun()
    again.load_state_dict(kept.state_dict())
    run.step, run.attempt = step, attempt
    return again, again.begin(run)


def test_a_run_that_goes_on_from_one_has_it_on_the_disk() -> None:
    """The state in a checkpoint is from before its commit."""
    kept, run = LastGood("guard"), FakeRun()
    saved(kept, run, 0)
    saved(kept, run, 10, commits=False)
    again, has_one = resumed(kept, step=10)
    assert has_one
    saved(again, run, 20)
    assert step_of(again) == 10


def test_a_run_that_branches_has_none_of_its_parents() -> None:
    kept, run = LastGood("guard"), FakeRun()
    saved(kept, run, 0)
    again, has_one = resumed(kept, step=0, attempt=1)
    assert not has_one
    assert again.good is None
