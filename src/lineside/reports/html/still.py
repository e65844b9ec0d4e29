"""A chart as a drawing that needs no script: for paper, for mail, and for readers that run none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lineside.reports.html.axis import Axis, labels
from lineside.reports.html.charts import Chart, Curve, Mark
from lineside.store.extremes import at_most

WIDTH, HEIGHT = 420, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 402, 8, 176
_MOST_POINTS = 24_000
"""Of all drawings together; at ten bytes a point a quarter of a megabyte."""
_FEW_POINTS = 40
"""Each of so few points gets a dot."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A round number on an axis, and where it stands."""

    place: float
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """A curve as paths of SVG.

    Attributes:
        style: class of the style sheet.
        path: the line, interrupted where a value is not finite.
        dots: points that stand out: all of few, and those that no line reaches.
        gaps: where, from left to right, values are not finite.
    """

    style: str
    path: str
    dots: str
    gaps: Sequence[float]


@dataclass(frozen=True, slots=True)
class Still:
    """A drawing, in pixels of `WIDTH` x `HEIGHT`."""

    lines: Sequence[Line]
    steps: Sequence[Tick]
    values: Sequence[Tick]
    marks: Sequence[tuple[float, str]]
    left: float = _LEFT
    right: float = _RIGHT
    top: float = _TOP
    bottom: float = _BOTTOM


def stills(shown: Sequence[Chart], marks: Sequence[Mark]) -> list[Still]:
    """Return the drawings of all charts, which show the same stretch of steps."""
    curves = [curve for chart in shown for curve in chart.curves]
    steps = [step for curve in curves for step in (min(curve.series.steps), max(curve.series.steps))]
    across = Axis.over(steps, _LEFT, _RIGHT, margin=0.0)
    most = max(4, min(300, _MOST_POINTS // max(1, len(curves))))
    return [_still(chart, across, marks, most) for chart in shown]


def _still(chart: Chart, across: Axis, marks: Iterable[Mark], most: int) -> Still:
    finite = chart.finite()
    steps = [tick for tick in across.ticks(7) if tick.is_integer()]
    upward = Axis.over(finite, _BOTTOM, _TOP, log=chart.log)
    return Still(
        lines=[_line(curve, across, upward, most) for curve in chart.curves],
        steps=_ticks(across, steps),
        values=_ticks(upward, upward.ticks(5)) if finite else [],
        marks=[(across.place(mark.step), mark.kind) for mark in marks if across.low <= mark.step <= across.high],
    )


def _ticks(axis: Axis, values: Sequence[float]) -> list[Tick]:
    return [Tick(axis.place(value), text) for value, text in zip(values, labels(values), strict=True)]


def _line(curve: Curve, across: Axis, upward: Axis, most: int) -> Line:
    series = at_most(curve.series, most)
    points = list(zip(series.steps, series.values, strict=True))
    stretches = list(_stretches((across.place(step), upward.place(value)) if math.isfinite(value) else None
                                for step, value in points))  # fmt: skip
    dotted = stretches if len(points) <= _FEW_POINTS else [stretch for stretch in stretches if len(stretch) == 1]
    return Line(
        curve.style,
        " ".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in stretch) for stretch in stretches),
        " ".join(f"M{x:.1f} {y:.1f}h0" for stretch in dotted for x, y in stretch),
        sorted({round(across.place(step), 1) for step, value in points if not math.isfinite(value)}),
    )


def _stretches(points: Iterable[tuple[float, float] | None]) -> Iterator[list[tuple[float, float]]]:
    """Yield runs of points without a gap."""
    stretch: list[tuple[float, float]] = []
    for point in points:
        if point is not None:
            stretch.append(point)
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch
