"""A comparison of runs as it is drawn in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from rich.console import Console
from rich.text import Text

from lineside.cli.amounts import number
from lineside.cli.comparison import Comparison, Rows, differing
from lineside.cli.how_far import HowFar
from lineside.cli.metric_summary import MetricSummary
from lineside.cli.terminal import heading, indented, printable, table
from lineside.language import text


def draw(out: Console, comparison: Comparison, *, everything: bool) -> None:
    """Draw a column a run, under its number; the best values stand in colour.

    Args:
        out: the terminal.
        comparison: the runs.
        everything: also show what is equal in all runs.
    """
    _runs(out, comparison)
    _metrics(out, comparison)
    for title, rows in (
        (text("Hyper-parameters", "超参数"), comparison.hparams),
        (text("Environment", "环境"), comparison.environment),
    ):
        _values(out, title, rows if everything else differing(rows), len(comparison.runs), some=bool(rows))


def _runs(out: Console, comparison: Comparison) -> None:
    rows = table(
        {"header": "", "justify": "right"},
        {"header": text("run", "运行"), "overflow": "fold"},
        text("state", "状态"),
        {"header": text("epoch", "轮次"), "justify": "right"},
        {"header": text("step", "步"), "justify": "right"},
    )
    for at, (run, record, standing) in enumerate(
        zip(comparison.runs, comparison.records, comparison.standings, strict=True), start=1
    ):
        far = HowFar.of(record.progress, standing.state)
        rows.add_row(str(at), printable(f"{run.project}/{run.name}"), standing.word(), far.epoch_text, far.step_text)
    out.print(rows)


def _metrics(out: Console, comparison: Comparison) -> None:
    """Draw a line a metric: the newest value, or the best one where it is known which way is better."""
    if not comparison.metrics:
        return
    heading(out, text("Metrics: the best value, or else the newest", "指标：最佳值；无法判断优劣的为最新值"))
    rows = _columns(text("metric", "指标"), len(comparison.runs))
    for name, metrics in comparison.metrics.items():
        rows.add_row(printable(name), *_cells(metrics))
    indented(out, rows)


def _cells(metrics: Sequence[MetricSummary | None]) -> list[Text]:
    better = next((metric.better for metric in metrics if metric is not None), None)
    values = [None if metric is None else (metric.best or metric.last).value for metric in metrics]
    there = [value for value in values if value is not None and isfinite(value)]
    winner = {"min": min, "max": max}[better](there) if better and len(there) > 1 else None
    return [
        Text("–" if value is None else number(value), "bold green" if winner is not None and value == winner else "")
        for value in values
    ]


def _values(out: Console, title: str, rows: Rows, runs: int, *, some: bool) -> None:
    if not some:
        return
    heading(out, title)
    if not rows:
        out.print(text("  the same in all runs", "  各次训练都相同"))
        return
    drawn = _columns("", runs)
    for name, values in rows.items():
        drawn.add_row(printable(name), *(_value(value) for value in values))
    indented(out, drawn)


def _columns(title: str, runs: int) -> Any:
    numbers = ({"header": str(at), "justify": "right", "overflow": "fold"} for at in range(1, runs + 1))
    return table({"header": title, "overflow": "fold"}, *numbers)


def _value(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return number(value)
    return printable(" ".join(map(str, value)) if isinstance(value, list) else value)
