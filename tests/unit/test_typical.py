from __future__ import annotations

import math
import random
from statistics import stdev

import pytest

from lineside.typical import FEWEST, Typical


def test_nothing_is_typical_of_too_few_values() -> None:
    typical = Typical(20, range(FEWEST - 1))
    assert not typical.known
    typical.add(3.0)
    assert typical.known


def test_median_and_spread_of_normal_values_are_those_of_the_distribution() -> None:
    draw = random.Random(0)
    values = [draw.gauss(5.0, 2.0) for _ in range(4000)]
    typical = Typical(4000, values)
    assert typical.median == pytest.approx(5.0, abs=0.1)
    assert typical.spread == pytest.approx(stdev(values), rel=0.05)


def test_wild_values_move_neither() -> None:
    typical = Typical(100, [1.0, 2.0, 3.0] * 20 + [1e9] * 40)
    assert typical.median <= 3.0
    assert typical.spread < 3.0


def test_equal_values_have_no_spread() -> None:
    typical = Typical(20, [0.5] * 20)
    assert (typical.median, typical.spread) == (0.5, 0.0)


def test_the_oldest_value_goes_when_the_window_is_full() -> None:
    typical = Typical(10, [math.pi] + [1.0] * 9)
    typical.add(2.0)
    assert typical.values == [1.0] * 9 + [2.0]
