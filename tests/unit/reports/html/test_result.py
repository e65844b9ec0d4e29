from __future__ import annotations

import math
from typing import Any

import pytest

from lineside.reports.html.result import headline, outcomes
from tests.unit.reports.html.recorded import Recorded


def told(monitor: Any, mode: Any = "auto", enabled: bool = True) -> dict[str, Any]:
    """Return what a run records of itself at its start."""
    return {"callbacks": [{"name": "a", "enabled": enabled, "options": {"monitor": monitor, "mode": mode}}]}


def test_of_each_metric_the_best_and_the_last_losses_of_validation_first(recorded: Recorded) -> None:
    recorded.metric("train/loss", [1.0, 0.5, 0.25], every=10)
    recorded.metric("val/accuracy", [0.5, 0.75, 0.625], every=10)
    recorded.metric("val/loss", [1.0, 0.5, 0.75], every=10)
    recorded.metric("batch/loss", [9.0])
    found = outcomes(recorded.evidence())
    assert [one.metric for one in found] == ["val/loss", "val/accuracy", "train/loss"]
    best = found[0].best
    assert best is not None
    assert (best.value, best.step, best.epoch, found[0].last.value) == (0.5, 20, 1, 0.75)
    assert [one.goal for one in found] == ["min", "max", "min"]
    assert headline(found) is found[0]


@pytest.mark.parametrize(
    ("values", "best"), [([math.nan, 0.5, math.inf], 0.5), ([0.0, 0.5], 0.0), ([math.nan], None), ([-math.inf], None)]
)
def test_what_is_no_number_is_never_the_best(recorded: Recorded, values: list[float], best: float | None) -> None:
    recorded.metric("val/loss", values)
    (one,) = outcomes(recorded.evidence())
    assert (one.best.value if one.best is not None else None) == best


def test_of_a_metric_that_nobody_can_judge_there_is_no_best(recorded: Recorded) -> None:
    recorded.metric("val/gap", [1.0, 2.0])
    (one,) = outcomes(recorded.evidence())
    assert (one.best, one.goal, one.last.value) == (None, None, 2.0)
    assert headline([one]) is None


def test_what_a_callback_watched_comes_first_with_its_mode(recorded: Recorded) -> None:
    recorded.event("facts", told("val_gap", "max"))
    recorded.metric("val/loss", [1.0])
    recorded.metric("val/gap", [1.0, 3.0, 2.0])
    found = outcomes(recorded.evidence())
    assert [(one.metric, one.monitored) for one in found] == [("val/gap", True), ("val/loss", False)]
    assert found[0].best is not None
    assert found[0].best.value == 3.0


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"callbacks": "no list"},
        {"callbacks": ["no object", {"enabled": True}, {"enabled": True, "options": "none"}]},
        told("val/never"),
        told(["val/loss"]),
        told("val/loss", enabled=False),
    ],
)
def test_facts_that_no_run_has_written_are_passed_over(recorded: Recorded, facts: dict[str, Any]) -> None:
    recorded.event("facts", facts)
    recorded.metric("val/loss", [1.0])
    (one,) = outcomes(recorded.evidence())
    assert not one.monitored


def test_a_mode_that_there_is_not_leaves_the_best_open(recorded: Recorded) -> None:
    recorded.event("facts", told("val/loss", "sideways"))
    recorded.metric("val/loss", [1.0])
    (one,) = outcomes(recorded.evidence())
    assert (one.monitored, one.best) == (True, None)
