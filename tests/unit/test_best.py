from __future__ import annotations

import math

import pytest

from lineside.best import Best
from lineside.errors import OptionError


def bests(mode, values, min_delta=0.0) -> list[float | None]:
    best = Best(mode, min_delta)
    kept = []
    for value in values:
        best.improved(value)
        kept.append(best.value)
    return kept


def test_the_best_only_gets_better() -> None:
    assert bests("min", [0.5, 0.6, 0.4, 0.4]) == [0.5, 0.5, 0.4, 0.4]
    assert bests("max", [0.5, 0.6, 0.4, 0.6]) == [0.5, 0.6, 0.6, 0.6]


def test_zero_is_a_value() -> None:
    assert bests("max", [0.0, -1.0]) == [0.0, 0.0]
    assert bests("min", [0.0, 1.0, -0.0]) == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("mode", ["min", "max"])
def test_what_is_not_finite_is_never_the_best(mode) -> None:
    assert bests(mode, [math.nan, math.inf, -math.inf, 0.5, math.nan, math.inf, -math.inf]) == [None] * 3 + [0.5] * 4


def test_a_gain_of_exactly_the_margin_is_none() -> None:
    assert bests("min", [1.0, 0.75, 0.5], min_delta=0.25) == [1.0, 1.0, 0.5]
    assert bests("max", [1.0, 1.25, 1.5], min_delta=0.25) == [1.0, 1.0, 1.5]


def test_a_percentage_is_relative_to_the_best_whatever_its_sign() -> None:
    assert bests("min", [8.0, 7.5, 5.9], min_delta="25%") == [8.0, 8.0, 5.9]
    assert bests("max", [-8.0, -6.5, -5.9], min_delta=" 25 % ") == [-8.0, -8.0, -5.9]
    assert bests("min", [-8.0, -9.5, -10.5], min_delta="25.0%") == [-8.0, -8.0, -10.5]


@pytest.mark.parametrize("min_delta", [-0.1, math.nan, math.inf, "1", "-1%", "one %", None, True])
def test_a_margin_that_is_none_is_refused(min_delta) -> None:
    with pytest.raises(OptionError, match="min_delta="):
        Best("min", min_delta)
