from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import pytest

from lineside.reports.range_test import FEWEST, RangeTest, Suggestion, smoothed

LRS = [1e-7 * 10 ** (8 * place / 99) for place in range(100)]


def filled(losses: Sequence[float], smoothing: float = 0.6) -> RangeTest:
    test = RangeTest(smoothing)
    for lr, loss in zip(LRS, losses, strict=False):
        test.add(lr, loss)
    return test


def valley(place: int, noise: float = 0.0, explosion: float = 2.0) -> list[float]:
    """Return a loss that falls around a place of the range, and explodes behind it."""
    generator = random.Random(0)
    return [
        10.0
        - 6.0 / (1.0 + math.exp((place - here) / 3))
        + generator.gauss(0.0, noise)
        + explosion ** max(0, here - place - 15)
        for here in range(100)
    ]


@pytest.mark.parametrize("smoothing", [0.0, 0.6, 0.9])
@pytest.mark.parametrize("place", [40, 60, 80])
def test_the_steepest_place_is_suggested_however_the_curve_explodes_behind_it(place: int, smoothing: float) -> None:
    for explosion in (1.2, 1.5, 20.0):
        found = filled(valley(place, explosion=explosion), smoothing).suggest()
        assert found.problem is None
        assert abs(LRS.index(found.lr) - place) <= 3


def test_noise_moves_the_suggestion_only_a_little() -> None:
    found = filled(valley(60, noise=0.2)).suggest()
    assert found.lr is not None
    assert abs(LRS.index(found.lr) - 60) <= 8


@pytest.mark.parametrize(
    ("losses", "problem"),
    [
        (lambda place: 2.3, "flat"),
        (lambda place: 0.0, "flat"),
        (lambda place: 1.0 + place / 50, "flat"),
        (lambda place: 2.3 + 0.1 * math.sin(7.0 * place), "flat"),
        (lambda place: 1.0 + 3.0 * 0.8**place, "start"),
    ],
    ids=["constant", "zero", "rising", "scattered", "falling at once"],
)
def test_where_there_is_no_good_one_none_is_suggested(losses: Callable[[int], float], problem: str) -> None:
    found = filled([losses(place) for place in range(100)]).suggest()
    assert found == Suggestion(None, problem)  # type: ignore[arg-type]
    assert found.title == "No learning rate to suggest"


def test_few_points_suggest_nothing() -> None:
    assert filled(valley(5)[: FEWEST - 1]).suggest() == Suggestion(None, "few")
    assert filled([]).suggest().problem == "few"
    assert filled(valley(5)[:FEWEST]).suggest().problem != "few"


def test_a_curve_that_still_falls_at_its_end_is_told_so() -> None:
    found = filled([10.0 - (place / 30) ** 2 for place in range(100)]).suggest()
    assert found.problem == "end"
    assert found.lr is not None
    assert "still falls at max_lr" in found.reason


def test_losses_below_zero_are_losses() -> None:
    found = filled([loss - 20.0 for loss in valley(60)]).suggest()
    assert found.lr is not None
    assert abs(LRS.index(found.lr) - 60) <= 3


def test_how_far_a_loss_has_exploded_is_told_by_its_running_mean() -> None:
    test = RangeTest(0.5)
    assert test.add(0.1, 2.0) == 1.0
    assert test.add(0.2, 1.0) == 1.0
    assert test.add(0.3, 10.0) > 4.0
    assert RangeTest(0.0).add(0.1, -3.0) == 1.0
    assert RangeTest(0.0).add(0.1, 0.0) == 1.0


def test_smoothing_does_not_shift_the_curve() -> None:
    step = [1.0] * 20 + [0.0] * 20
    curve = smoothed(step, 0.8)
    assert curve[19] + curve[20] == pytest.approx(1.0, abs=0.01)
    assert smoothed(step, 0.0) == step


def test_it_is_told_in_chinese_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    assert Suggestion(0.03).title == "建议的学习率：0.03"
    for problem in ("few", "flat", "start", "end", None):
        assert Suggestion(None, problem).reason.endswith("。")  # type: ignore[arg-type]
