from __future__ import annotations

import math
from pathlib import Path

import pytest

from lineside.cli.metric_summary import MetricSummary
from lineside.store import RunReader, StoreWriter

NAN = math.nan


def summary(path: Path, name: str, values: list[float], max_points: int = 8) -> MetricSummary:
    writer = StoreWriter(path / "run.db", 1, lambda: 0.0)
    writer.begin_attempt(1, None, 0.0)
    writer.rows([(step, 0, float(step), {name: value}) for step, value in enumerate(values)])
    writer.close()
    with RunReader.open(path) as reader:
        found = MetricSummary.read(reader, name, max_points)
    assert found is not None
    return found


def test_newest_extremes_and_a_curve_that_ends_at_the_newest(tmp_path: Path) -> None:
    values = [1.0] * 500
    values[300], values[400] = 9.0, 0.25
    found = summary(tmp_path, "val/loss", values)
    assert (found.last.step, found.last.value) == (499, 1.0)
    assert found.lowest is not None
    assert found.highest is not None
    assert (found.lowest.step, found.lowest.value) == (400, 0.25)
    assert (found.highest.step, found.highest.value) == (300, 9.0)
    assert len(found.curve) <= 9
    assert found.curve[len(found.curve) - 1] == found.last


@pytest.mark.parametrize(
    ("name", "better", "best"), [("val/loss", "min", 1.0), ("val/accuracy", "max", 3.0), ("system/cpu", None, None)]
)
def test_the_best_is_known_where_the_name_tells(
    tmp_path: Path, name: str, better: str | None, best: float | None
) -> None:
    found = summary(tmp_path, name, [2.0, 1.0, 3.0])
    assert found.better == better
    assert (None if found.best is None else found.best.value) == best


def test_nan_is_no_extreme_but_may_be_the_newest(tmp_path: Path) -> None:
    found = summary(tmp_path, "train/loss", [NAN, 0.0, math.inf, NAN])
    assert math.isnan(found.last.value)
    assert found.lowest == found.highest
    assert found.lowest is not None
    assert found.lowest.value == 0.0


def test_without_a_finite_value_there_are_no_extremes(tmp_path: Path) -> None:
    found = summary(tmp_path, "train/loss", [NAN, math.inf])
    assert (found.lowest, found.highest, found.best) == (None, None, None)
    assert found.document()["lowest"] is None


def test_one_whose_values_are_all_superseded_is_none(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "run.db", 1, lambda: 0.0)
    writer.begin_attempt(1, None, 0.0)
    writer.rows([(5, 0, 5.0, {"val/loss": 1.0})])
    writer.begin_attempt(2, 3, 6.0)
    writer.close()
    with RunReader.open(tmp_path) as reader:
        assert MetricSummary.read(reader, "val/loss", 8) is None


def test_the_shape_of_the_json(tmp_path: Path) -> None:
    assert summary(tmp_path, "val/loss", [2.0, 1.0]).document() == {
        "name": "val/loss",
        "step": 1,
        "epoch": 0,
        "value": 1.0,
        "time": 1.0,
        "better": "min",
        "lowest": {"step": 1, "epoch": 0, "value": 1.0, "time": 1.0},
        "highest": {"step": 0, "epoch": 0, "value": 2.0, "time": 0.0},
    }
