from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineside.store.extremes import at_most, extremes
from lineside.store.series import Series, floats, integers

VALUES = st.lists(st.floats(width=32), max_size=300)


def series(values: list[float]) -> Series:
    steps = range(len(values))
    return Series(integers(steps), integers(steps), floats(values), floats(steps))


@given(values=VALUES, width=st.integers(1, 80))
def test_every_bucket_keeps_its_extremes_and_its_first_nan(values: list[float], width: int) -> None:
    kept = extremes(series(values), width)
    for start in range(0, len(values), width):
        bucket = values[start : start + width]
        left = [value for step, value in zip(kept.steps, kept.values, strict=True) if start <= step < start + width]
        numbers = [value for value in bucket if not math.isnan(value)]
        if numbers:
            assert min(numbers) in left
            assert max(numbers) in left
        assert any(map(math.isnan, left)) == any(map(math.isnan, bucket))
        assert len(left) <= 3
    assert list(kept.steps) == sorted(set(kept.steps)), "points are kept once, in their order"
    assert all(
        math.isnan(v) if math.isnan(values[s]) else v == values[s] for s, v in zip(kept.steps, kept.values, strict=True)
    )


@given(values=VALUES, width=st.integers(1, 20), factor=st.integers(1, 5))
def test_reducing_a_level_loses_no_extreme(values: list[float], width: int, factor: int) -> None:
    numbers = [value for value in values if not math.isnan(value)]
    reduced = extremes(extremes(series(values), width), factor * 3)
    left = [value for value in reduced.values if not math.isnan(value)]
    assert (min(left), max(left)) == (min(numbers), max(numbers)) if numbers else not left


@given(values=VALUES, points=st.integers(3, 50))
def test_a_series_is_reduced_to_the_number_of_points(values: list[float], points: int) -> None:
    reduced = at_most(series(values), points)
    assert len(reduced) <= points
    assert len(reduced) == len(values) or len(values) > points


def test_one_spike_among_very_many_points_is_kept() -> None:
    values = [0.0] * 100_000
    values[54_321] = 1e9
    assert 1e9 in at_most(series(values), 10).values


def test_infinities_of_both_signs_are_no_nan() -> None:
    assert list(extremes(series([math.inf, 0.0, -math.inf]), 3).values) == [math.inf, -math.inf]


@pytest.mark.parametrize("values", [[math.nan] * 5, [math.nan]])
def test_a_bucket_of_nan_leaves_one(values: list[float]) -> None:
    assert len(extremes(series(values), 5)) == 1
