"""The charts of the page: which curves share one, what is marked in all of them, and their data for the browser."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lineside.reports.html.evidence import Evidence
from lineside.reports.html.families import families, resource, short
from lineside.reports.html.wording import Wording
from lineside.reports.panels import RATES, is_logarithmic
from lineside.store.extremes import at_most
from lineside.store.series import Series

RESOURCES = ("system/", "time/")
"""Metrics that tell what the training took, not how well it went."""

_STAGES = {
    "train": ("training", "训练"),
    "val": ("validation", "验证"),
    "test": ("test", "测试"),
    "batch": ("batch", "批次"),
}
_TITLES = {
    "loss": ("loss", "损失"), "accuracy": ("accuracy", "准确率"), RATES: ("learning rate", "学习率"),
    "time/epoch": ("seconds per epoch", "每轮用时（秒）"),
}  # fmt: skip
_COLOURS = {"train": "c0", "val": "c1", "test": "c2"}
_MORE_COLOURS = ("c3", "c4", "c5", "c6", "c2", "c0", "c1")
_MOST_ROWS = 12_000
"""Steps of one chart; the browser keeps a cell for each step and curve."""
_MOST_EPOCHS = 5000


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric in a chart.

    Attributes:
        label: for people.
        style: a class of the style sheet: ``c0`` to ``c6``, or ``faint`` for values of batches behind those of epochs.
        series: its points by step; what is not finite is a gap.
    """

    label: str
    style: str
    series: Series

    def data(self, wording: Wording) -> dict[str, Any]:
        """Return what the browser draws: steps as differences, values with seven digits, None for what is no number."""
        steps = self.series.steps
        return {
            "label": wording.shortened(self.label),
            "style": self.style,
            "steps": [*steps[:1], *(after - before for before, after in pairwise(steps))],
            "values": [float(f"{value:.7g}") if math.isfinite(value) else None for value in self.series.values],
        }


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves that share a vertical axis."""

    title: str
    curves: Sequence[Curve]
    log: bool

    def finite(self) -> list[float]:
        """Return all numbers that the vertical axis has to show."""
        return [value for curve in self.curves for value in curve.series.values if math.isfinite(value)]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a step; a line through all charts. `kind` is a class of the style sheet."""

    step: int
    kind: str


def charts(curves: Mapping[str, Series], wording: Wording) -> list[Chart]:
    """Return the charts of some metrics, that of the loss first."""
    return [_chart(title, members, curves, wording) for title, members in families(curves)]


def _chart(title: str, members: Sequence[str], curves: Mapping[str, Series], wording: Wording) -> Chart:
    more = iter(_MORE_COLOURS * len(members) if len(members) > 1 else ["c0"])
    rows = max(4, _MOST_ROWS // len(members))
    drawn = []
    # Values of batches come first, so that they lie behind those of the epochs.
    for name in sorted(members, key=lambda name: not name.startswith("batch/")):
        stage = name.partition("/")[0]
        batch = stage == "batch"
        style = "faint" if batch and len(members) > 1 else _COLOURS.get(stage) or next(more)
        alone = name if len(members) == 1 else short(name, title)
        label = wording(*_STAGES[stage]) if stage in _STAGES else alone
        # Of layers and classes, whose curves are many, those of batches are drawn: a mean of an epoch hides a spike.
        finest = name if stage in _STAGES or title in members else f"batch/{name}"
        drawn.append(Curve(label, style, at_most(curves.get(finest, curves[name]).in_order(), rows)))
    chart = Chart(_title(title, wording), drawn, log=False)
    return Chart(chart.title, drawn, is_logarithmic(title, chart.finite()))


def _title(title: str, wording: Wording) -> str:
    known = resource(title) if title.startswith("system/") else title
    return wording(*_TITLES.get(title, (known, known)))


def data(shown: Sequence[Chart], marks: Iterable[Mark], evidence: Evidence, wording: Wording) -> dict[str, Any]:
    """Return all that the page's script needs, as plain data."""
    return {
        "charts": [{"log": chart.log, "curves": [curve.data(wording) for curve in chart.curves]} for chart in shown],
        "marks": [[mark.step, mark.kind] for mark in marks],
        "epochs": _ends_of_epochs(evidence),
        "words": {
            "step": wording("step", "步"),
            "epoch": wording("epoch", "轮"),
            "whole": wording("show all", "显示全部"),
        },
    }


def _ends_of_epochs(evidence: Evidence) -> list[int]:
    """Return the steps at which epochs ended, so that the page can name the epoch of a step; none if there are many."""
    steps = [event.step for event in evidence.of_kind("epoch_end")]
    return sorted(steps) if len(steps) <= _MOST_EPOCHS else []
