"""Curves in a terminal: a chart with axes, and a line of its own for a table.

Every point is joined to the next, so what stands out is seen, in however few columns. Given a series that was reduced
with `max_points`, no spike of the whole is lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain, groupby
from operator import or_
from typing import Final, NamedTuple

from rich.text import Text

from lineside.reports.braille import Canvas, characters
from lineside.store.series import Series

STYLES: Final = ("cyan", "yellow", "magenta", "green", "blue")
_GAP: Final = "×"
_DECADES: Final = 2.0
"""Losses that span more are drawn on a logarithmic scale."""


class _Span(NamedTuple):
    low: float
    high: float

    def place(self, value: float, places: int) -> int:
        """Return which of so many places, from 0, a number falls on."""
        if self.high <= self.low:
            return places // 2
        return round((value - self.low) / (self.high - self.low) * (places - 1))


@dataclass(frozen=True, slots=True)
class Frame:
    """What width and height of a drawing stand for.

    Attributes:
        steps: optimizer steps, from left to right.
        values: from bottom to top; logarithms where `log` is set.
        log: whether the scale is logarithmic.
    """

    steps: _Span
    values: _Span
    log: bool

    @classmethod
    def around(cls, curves: Iterable[Series], *, may_be_log: bool = False) -> Frame | None:
        """Return the frame that shows all finite points of some curves; None where there are none."""
        curves = list(curves)
        steps = list(chain.from_iterable(curve.steps for curve in curves))
        finite = list(filter(math.isfinite, chain.from_iterable(curve.values for curve in curves)))
        if not finite:
            return None
        low, high = min(finite), max(finite)
        log = may_be_log and low > 0 and math.log10(high / low) > _DECADES
        return cls(
            _Span(min(steps), max(steps)), _Span(math.log(low), math.log(high)) if log else _Span(low, high), log
        )

    def draw(self, canvas: Canvas, curve: Series) -> None:
        """Draw a curve; its line is interrupted where a value is NaN or infinite."""
        before: tuple[int, int] | None = None
        for step, value in zip(curve.steps, curve.values, strict=True):
            if not math.isfinite(value):
                before = None
                continue
            height = math.log(value) if self.log else value
            point = self.steps.place(step, canvas.width), self.values.place(height, canvas.height)
            canvas.line(before or point, point)
            before = point

    def gaps(self, curve: Series, columns: int) -> set[int]:
        """Return the character columns in which a value is NaN or infinite."""
        points = zip(curve.steps, curve.values, strict=True)
        return {self.steps.place(step, columns) for step, value in points if not math.isfinite(value)}

    def label(self, share: float) -> str:
        """Return the value at a share of the height."""
        value = self.values.low + share * (self.values.high - self.values.low)
        return number(math.exp(value) if self.log else value)


def number(value: float) -> str:
    """Return a value with four digits."""
    return f"{value:.4g}"


def spark(curve: Series, columns: int, *, may_be_log: bool = False, ascii_only: bool = False) -> str:
    """Return a curve in one line of text; blank where there is nothing to draw."""
    frame, canvas = Frame.around([curve], may_be_log=may_be_log), Canvas(columns, 1)
    if frame is not None:
        frame.draw(canvas, curve)
    return characters(canvas.cells[0], ascii_only=ascii_only)


def chart(curves: Mapping[str, Series], frame: Frame, columns: int, rows: int, *, ascii_only: bool = False) -> Text:
    """Return a chart as lines of text.

    Args:
        curves: by what the legend calls them; later ones are drawn over earlier ones.
        frame: what the chart shows, `Frame.around` the curves.
        columns: of the whole chart, labels included.
        rows: of the drawing alone; three lines more are needed.
        ascii_only: the terminal can show nothing else.
    """
    labels = {0: frame.label(1.0), rows // 2: frame.label(1 - (rows // 2 + 0.5) / rows), rows - 1: frame.label(0.0)}
    margin = max(map(len, labels.values()))
    inner = max(8, columns - margin - 2)
    wall, corner, floor, gap = ("|", "+", "-", "x") if ascii_only else ("│", "└", "─", _GAP)
    layers = []
    for curve in curves.values():
        canvas = Canvas(inner, rows)
        frame.draw(canvas, curve)
        layers.append(canvas.cells)
    lines = [_legend(curves, log=frame.log)]
    for row in range(rows):
        line = Text().append(f"{labels.get(row, ''):>{margin}} {wall}", "dim")
        lines.append(line.append_text(_overlaid([layer[row] for layer in layers], ascii_only=ascii_only)))
    gaps = set[int]().union(*(frame.gaps(curve, inner) for curve in curves.values()))
    axis = Text().append(" " * (margin + 1) + corner, "dim")
    for is_gap, group in groupby(range(inner), gaps.__contains__):
        axis.append((gap if is_gap else floor) * len(list(group)), "bold red" if is_gap else "dim")
    first, last = f"{frame.steps.low:,.0f}", f"{frame.steps.high:,.0f}"
    scale = Text().append(" " * (margin + 2) + f"{first}{last:>{max(1, inner - len(first))}}", "dim")
    return Text("\n").join([*lines, axis, scale])


def _legend(curves: Mapping[str, Series], *, log: bool) -> Text:
    legend = Text()
    for at, (name, curve) in enumerate(curves.items()):
        legend.append(f"{name} ", f"bold {_style(at)}").append(f"{number(curve.values[-1])}   ")
    return legend.append("log", "dim") if log else legend


def _overlaid(layers: Sequence[Sequence[int]], *, ascii_only: bool) -> Text:
    """Return one line of all curves; a cell has the colour of the last curve that passes through it."""
    line = Text()
    cells = list(zip(*layers, strict=True))
    for top, group in groupby(cells, lambda cell: max((at for at, bits in enumerate(cell) if bits), default=0)):
        merged = [reduce(or_, cell) for cell in group]
        line.append(characters(merged, ascii_only=ascii_only), _style(top))
    return line


def _style(at: int) -> str:
    return STYLES[at % len(STYLES)]
