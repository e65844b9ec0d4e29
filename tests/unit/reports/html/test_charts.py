from __future__ import annotations

import math
from itertools import accumulate
from typing import Any

from lineside.reports.html import charts
from lineside.reports.html.charts import Mark
from lineside.reports.html.wording import Wording
from lineside.store.series import Series, floats, integers
from tests.unit.reports.html.recorded import Recorded

SAY = Wording("en")


def series(values: list[float], steps: list[int] | None = None) -> Series:
    steps = steps or list(range(1, len(values) + 1))
    return Series(integers(steps), integers([0] * len(steps)), floats(values), floats(range(len(steps))))


def test_values_of_batches_lie_faint_behind_those_of_the_epochs() -> None:
    shown = charts.charts({"train/loss": series([1.0]), "val/loss": series([2.0]), "batch/loss": series([3.0])}, SAY)
    assert [chart.title for chart in shown] == ["loss"]
    assert [(curve.label, curve.style) for curve in shown[0].curves] == [
        ("batch", "faint"),
        ("training", "c0"),
        ("validation", "c1"),
    ]


def test_of_layers_the_values_of_batches_are_drawn_since_a_mean_hides_a_spike() -> None:
    names = ("gradients/0", "gradients/1")
    logged = {name: series([1.0]) for name in names} | {f"batch/{name}": series([0.5, 9.0]) for name in names}
    (chart,) = charts.charts(logged, SAY)
    assert [(curve.label, list(curve.series.values)) for curve in chart.curves] == [
        ("0", [0.5, 9.0]),
        ("1", [0.5, 9.0]),
    ]


def test_a_curve_alone_is_never_faint_and_titles_are_in_the_language_of_the_reader() -> None:
    shown = charts.charts({"batch/loss": series([3.0]), "system/cpu_percent": series([1.0])}, Wording("zh"))
    assert [(chart.title, chart.curves[0].style) for chart in shown] == [("损失", "c0"), ("cpu (%)", "c0")]


def test_a_loss_over_decades_is_logarithmic_whatever_is_not_finite() -> None:
    (chart,) = charts.charts({"val/loss": series([1.0, math.nan, 0.001, math.inf])}, SAY)
    assert chart.log
    assert chart.finite() == [1.0, 0.001]


def test_the_browser_gets_steps_as_differences_and_gaps_as_none(recorded: Recorded) -> None:
    recorded.event("epoch_end", step=30)
    recorded.event("epoch_end", step=60, epoch=1)
    (chart,) = charts.charts({"f1": series([0.123456789, math.nan, -math.inf, 0.0], [30, 60, 60, 95])}, SAY)
    data: Any = charts.data([chart], [Mark(60, "best")], recorded.evidence(), SAY)
    assert data["charts"] == [
        {
            "log": False,
            "curves": [
                {"label": "f1", "style": "c0", "steps": [30, 30, 0, 35], "values": [0.1234568, None, None, 0.0]},
            ],
        }
    ]
    assert list(accumulate(data["charts"][0]["curves"][0]["steps"])) == [30, 60, 60, 95]
    assert (data["marks"], data["epochs"]) == ([[60, "best"]], [30, 60])


def test_a_chart_of_many_curves_has_fewer_points_of_each_and_loses_no_spike() -> None:
    curves = {f"lr/{index}": series([1.0] * 1999 + [float(index + 2)]) for index in range(50)}
    (chart,) = charts.charts(curves, SAY)
    assert sum(len(curve.series) for curve in chart.curves) <= 12_000
    assert sorted(max(curve.series.values) for curve in chart.curves) == [float(index + 2) for index in range(50)]


def test_steps_out_of_order_are_sorted() -> None:
    (chart,) = charts.charts({"a": series([1.0, 2.0, 3.0], [9, 3, 6])}, SAY)
    assert list(chart.curves[0].series.steps) == [3, 6, 9]
