"""Samples that are texts, as a table in a picture."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lineside.reports.samples import Verdict

_WIDTHS = {"input": 62, "target": 22, "predicted": 22}
"""Letters a line."""
_PLACES = {"input": 0.02, "target": 0.6, "predicted": 0.8}
_MOST_LINES = 4
_LINE = 0.19
"""Inches."""
_HEAD = 0.95
_GREEN, _RED, _RULE = "#117733", "#882255", "#C8C8C8"


def table(rows: Sequence[tuple[str, Verdict]], words: Mapping[str, str]) -> Figure:
    """Return a figure with a row for each text: input, target, prediction."""
    wrapped = [
        {
            "input": _wrapped(given, _WIDTHS["input"]),
            "target": _wrapped(one.target, _WIDTHS["target"]),
            "predicted": _wrapped({True: "✓ ", False: "✗ ", None: ""}[one.right] + one.predicted, _WIDTHS["predicted"]),
        }
        for given, one in rows
    ]
    heights = [max(len(lines) for lines in row.values()) * _LINE + 0.12 for row in wrapped]
    total = _HEAD + sum(heights) + 0.1
    figure = Figure(figsize=(11, total))
    top = _HEAD
    for name, place in _PLACES.items():
        figure.text(place, 1 - (top - 0.22) / total, words[name], weight="bold", va="top")
    for row, height, (_, one) in zip(wrapped, heights, rows, strict=True):
        figure.add_artist(_rule(1 - top / total))
        for name, place in _PLACES.items():
            color = {True: _GREEN, False: _RED, None: "black"}[one.right] if name == "predicted" else "black"
            lines = "\n".join(row[name]).replace("$", r"\$")
            figure.text(place, 1 - (top + 0.06) / total, lines, va="top", color=color, linespacing=1.25)
        top += height
    return figure


def _rule(height: float) -> Line2D:
    return Line2D([0.02, 0.98], [height, height], color=_RULE, lw=0.6)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, max_lines=_MOST_LINES, placeholder=" …") or [""]
