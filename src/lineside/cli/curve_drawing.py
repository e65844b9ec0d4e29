"""A run's metrics as they are drawn in a terminal: charts, and a table with a small curve a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lineside.cli.amounts import count, number
from lineside.cli.metric_summary import MetricSummary
from lineside.cli.terminal import NARROW, printable, table
from lineside.language import text
from lineside.reports.terminal_chart import Frame, chart, spark
from lineside.store.series import Point

_WIDEST: Final = 100
_ROWS: Final = 10
_SPARK: Final = 20


def draw_charts(out: Console, metrics: Sequence[MetricSummary], *, together: bool) -> None:
    """Draw the curves of metrics, in one chart if they can be told apart by colours."""
    colours = out.color_system is not None
    groups = [list(metrics)] if together and colours else [[metric] for metric in metrics]
    for group in filter(None, groups):
        curves = {printable(metric.name): metric.curve for metric in group}
        out.print()
        frame = Frame.around(curves.values(), may_be_log=all(map(_falls, group)))
        if frame is None:
            out.print(text(f"{', '.join(curves)}: no finite value", f"{', '.join(curves)}：没有有限值"))
            continue
        out.print(chart(curves, frame, min(out.width, _WIDEST), _ROWS, ascii_only=out.options.ascii_only))


def metric_table(out: Console, metrics: Sequence[MetricSummary]) -> Table:
    """Return a line a metric: its newest value, its extremes, the better of them in colour, and its curve."""
    narrow = out.width < NARROW
    rows = table(
        {"header": text("metric", "指标"), "overflow": "fold"},
        {"header": text("newest", "最新"), "justify": "right"},
        *(
            []
            if narrow
            else [
                {"header": text("step", "步"), "justify": "right"},
                {"header": text("lowest", "最低"), "justify": "right"},
                {"header": text("highest", "最高"), "justify": "right"},
            ]
        ),
        {"header": text("curve", "曲线"), "no_wrap": True},
    )
    for metric in metrics:
        lowest = _extreme(metric.lowest, best=metric.better == "min")
        highest = _extreme(metric.highest, best=metric.better == "max")
        rows.add_row(
            printable(metric.name),
            number(metric.last.value),
            *(() if narrow else (Text(count(metric.last.step)), lowest, highest)),
            Text(spark(metric.curve, _SPARK, may_be_log=_falls(metric), ascii_only=out.options.ascii_only), "cyan"),
        )
    return rows


def _falls(metric: MetricSummary) -> bool:
    """Tell whether a metric is a loss or an error, of which a logarithmic scale shows more."""
    return metric.better == "min"


def _extreme(point: Point | None, *, best: bool) -> Text:
    return Text("" if point is None else number(point.value), "green" if best else "")
