from __future__ import annotations

import math

import pytest

from lineside.reports.epoch_line import number, scientific, short


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.0000"),
        (0.12345, "0.1235"),
        (-0.5, "-0.5000"),
        (12.3456789, "12.3457"),
        (123456.0, "123456"),
        (1e-3, "0.0010"),
        (1.5e-5, "1.5e-5"),
        (1e6, "1e6"),
        (math.nan, "NaN"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers_are_short(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(1e-3, "1e-3"), (2.5e-4, "2.5e-4"), (0.1, "1e-1"), (0.0, "0"), (1.0, "1e0"), (math.inf, "inf")]
)
def test_rates_are_written_as_people_write_them(value: float, shown: str) -> None:
    assert scientific(value) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [("train/loss", "loss"), ("val/loss", "val_loss"), ("val/mAP50(B)", "val_mAP50(B)"), ("lr/a", "lr/a")],
)
def test_names_are_those_of_keras(name: str, shown: str) -> None:
    assert short(name) == shown
