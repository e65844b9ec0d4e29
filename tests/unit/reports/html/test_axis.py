from __future__ import annotations

import math
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lineside.reports.html.axis import Axis, labels


def test_a_value_stands_where_its_share_of_the_range_is() -> None:
    axis = Axis(0.0, 10.0, start=100.0, end=0.0)
    assert [axis.place(value) for value in (0.0, 2.5, 10.0)] == [100.0, 75.0, 0.0]
    log = Axis(0.01, 100.0, start=0.0, end=100.0, log=True)
    assert [round(log.place(value), 6) for value in (0.01, 1.0, 100.0)] == [0.0, 50.0, 100.0]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 10.0, [0, 2, 4, 6, 8, 10]),
        (0.0, 1350.0, [0, 500, 1000]),
        (-1.0, 1.0, [-1, -0.5, 0, 0.5, 1]),
        (0.91, 0.98, [0.92, 0.94, 0.96, 0.98]),
    ],
)
def test_ticks_are_round_numbers_on_the_axis(low: float, high: float, ticks: list[float]) -> None:
    assert Axis(low, high, 0, 1).ticks(5) == pytest.approx(ticks)


def test_a_logarithmic_axis_marks_powers_of_ten_and_where_they_are_few_more() -> None:
    assert Axis(1e-7, 1.0, 0, 1, log=True).ticks(5) == pytest.approx([1e-7, 1e-5, 1e-3, 1e-1])
    assert Axis(0.02, 0.9, 0, 1, log=True).ticks(5) == pytest.approx([0.02, 0.05, 0.1, 0.2, 0.5])


def test_what_is_all_the_same_stands_in_the_middle() -> None:
    for value in (0.0, 5.0, -3.0):
        axis = Axis.over([value], 0.0, 1.0)
        assert axis.place(value) == pytest.approx(0.5)
        assert axis.ticks(5)


def test_there_is_a_little_room_around_the_values_unless_told_otherwise() -> None:
    roomy, tight = Axis.over([0.0, 1.0], 0.0, 1.0), Axis.over([0.0, 1.0], 0.0, 1.0, margin=0.0)
    assert roomy.low < 0.0
    assert roomy.high > 1.0
    assert (tight.low, tight.high) == (0.0, 1.0)


@settings(max_examples=300, deadline=None, derandomize=True)
@example([9.9e307], True)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=5), st.booleans())
def test_any_finite_numbers_have_an_axis(values: list[float], log: bool) -> None:
    log = log and all(value > 0 for value in values) and bool(values)
    axis = Axis.over(values, 10.0, 90.0, log=log)
    assert axis.low < axis.high
    assert all(math.isfinite(axis.place(value)) for value in values)
    assert len(axis.ticks(5)) <= 12
    assert all(9.0 <= axis.place(tick) <= 91.0 for tick in axis.ticks(5))


def test_the_greatest_and_the_smallest_numbers_have_an_axis() -> None:
    huge, tiny = sys.float_info.max, 5e-324
    assert Axis.over([-huge, huge], 0.0, 1.0).place(0.0) == pytest.approx(0.5)
    assert math.isfinite(Axis.over([0.0, tiny], 0.0, 1.0).place(tiny))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.25, "0.25"),
        (1e-6, "1e-6"),
        (250_000.0, "250k"),
        (-1500.0, "-1.5k"),
        (3e6, "3M"),
        (1.35e9, "1.35G"),
        (1e15, "1e15"),
    ],
)
def test_labels_are_short(value: float, text: str) -> None:
    assert labels([value]) == [text]


def test_labels_have_as_many_digits_as_tell_them_apart() -> None:
    assert labels([70.19, 70.195, 70.2]) == ["70.19", "70.195", "70.2"]
    assert labels([1_000_000.0, 1_000_001.0]) == ["1M", "1.000001M"]
    assert labels([0.0, 1e-9]) == ["0", "1e-9"]
