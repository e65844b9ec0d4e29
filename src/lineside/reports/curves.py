"""Training curves: one panel for the loss, one for each further metric, one for the learning rate.

Runs in the helper process. It draws on a `Figure` of its own and never touches pyplot, whose state is global.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lineside.files import write_atomic
from lineside.reports.fonts import chinese_font
from lineside.reports.panels import is_logarithmic, panels
from lineside.reports.points import Point, alone, by_step, coordinates, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, which people who are colour-blind can tell apart; markers or line styles differ as well.
_STYLES = {"train": ("#0072B2", "-", "o"), "val": ("#D55E00", "-", "s")}
_MORE_STYLES = (
    ("#009E73", "--", "^"),
    ("#CC79A7", "-.", "v"),
    ("#56B4E9", "--", "D"),
    ("#E69F00", "-.", "P"),
    ("#000000", ":", "X"),
)
_BEST, _CUT, _STOP, _BAD, _GREY = "#117733", "#7B5BA6", "#882255", "#CC0000", "#5A5A5A"
_WORDS = {
    "loss": "损失", "accuracy": "准确率", "learning rate": "学习率", "training": "训练", "validation": "验证",
    "epoch": "轮次", "step": "步", "best": "最佳", "learning rate cut": "学习率下调", "stopped early": "提前停止",
    "NaN or infinite": "NaN 或无穷大",
}  # fmt: skip
_NO_FONT = (
    "LINESIDE_LANG=zh, but no font with Chinese characters was found: the plots are labelled in English. "
    "Install one, such as Noto Sans CJK (Debian: fonts-noto-cjk)."
)
_FEW_POINTS = 40


class Marks(TypedDict, total=False):
    """What happened on the way; each place is a step and an epoch from 0."""

    best: tuple[str, int, int, float]
    """Metric, step, epoch, value."""
    lr_cuts: Sequence[tuple[int, int]]
    stopped: tuple[int, int] | None


def draw(
    *,
    series: Mapping[str, Sequence[Point]],
    path_png: str | None,
    path_svg: str | None,
    title: str,
    marks: Marks,
    language: str = "en",
    subtitle: str = "",
) -> str | None:
    """Draw curves into files, each replaced atomically.

    Args:
        series: points by canonical name of the metric; values that are not finite are gaps with a mark.
        path_png: a PNG file, or None for none.
        path_svg: an SVG file, or None for none.
        title: of the picture.
        marks: what happened on the way.
        language: ``en`` or ``zh``.
        subtitle: smaller, below the title.

    Returns:
        A note for people when the language could not be had.
    """
    font = chinese_font()
    note = _NO_FONT if language == "zh" and font is None else None
    words = _WORDS if language == "zh" and font is not None else {}
    settings: Any = {
        "font.family": ["DejaVu Sans", *([font] if font else [])],
        "font.size": 9.5,
        "axes.edgecolor": "#B0B0B0",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#E8E8E8",
        "svg.hashsalt": "lineside",
    }
    with mpl.rc_context(settings):
        figure = _figure(series, title, subtitle, marks, words)
        for path, form in ((path_png, "png"), (path_svg, "svg")):
            if path is not None:
                picture = io.BytesIO()
                # Without a date the same curves give the same bytes.
                figure.savefig(picture, format=form, dpi=150, metadata={"Date": None} if form == "svg" else None)
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                write_atomic(Path(path), picture.getvalue())
    return note


def _figure(
    series: Mapping[str, Sequence[Point]], title: str, subtitle: str, marks: Marks, words: Mapping[str, str]
) -> Figure:
    groups = panels(filter(series.get, series))
    columns = 1 if len(groups) == 1 else 2 if len(groups) <= 6 else 3
    # The first panel takes what would be left over of its row, so that there is no hole.
    first = columns - (len(groups) - 1) % columns if groups else 1
    rows = (len(groups) - 1 + first) // columns if groups else 1
    width = 8.0 if columns == 1 else 5.0 * columns
    head = 0.55 if subtitle else 0.35
    height = 3.1 * rows + 0.4 + head
    layout = ConstrainedLayoutEngine(hspace=0.06, wspace=0.04, rect=(0, 0, 1, 1 - head / height))
    figure = Figure(figsize=(width, height), layout=layout)
    grid = figure.add_gridspec(max(rows, 1), columns)
    steps = by_step(series.values())
    places = [place for points in series.values() for place in coordinates(points, steps)[0]] or [1.0]
    slack = max(0.5, 0.025 * (max(places) - min(places)))
    for index, (name, members) in enumerate(groups.items()):
        place = index + first - 1
        where = grid[0, :first] if index == 0 else grid[place // columns, place % columns]
        axes = figure.add_subplot(where)
        axes.set_xlim(min(places) - slack, max(places) + slack)
        _panel(axes, name, {member: series[member] for member in members}, steps, words)
        _mark(axes, members, marks, steps)
    _head(figure, title, subtitle)
    _key(figure, series, marks, words)
    return figure


def _panel(axes: Axes, name: str, curves: Mapping[str, Sequence[Point]], steps: bool, words: Mapping[str, str]) -> None:
    more = iter(_MORE_STYLES * len(curves))
    finite: list[float] = []
    for member, points in curves.items():
        kind = member.partition("/")[0]
        color, style, marker = _STYLES.get(kind) or (_STYLES["train"] if member == "lr" else next(more))
        label = {"train": "training", "val": "validation"}.get(kind, member)
        x, y = thinned(*coordinates(points, steps))
        shown = np.where(np.isfinite(y), y, np.nan)
        finite.extend(shown[np.isfinite(shown)])
        way = "steps-post" if kind == "lr" and not steps else "default"
        dots = np.isfinite(y) if len(y) <= _FEW_POINTS and kind != "lr" else alone(y)
        axes.plot(
            x, shown, style, color=color, lw=1.7, marker=marker if dots.any() else "", ms=3.8, markevery=list(dots),
            drawstyle=way, label=_safe(words.get(label, label)),
        )  # fmt: skip
        bad = x[~np.isfinite(y)]
        axes.plot(bad, np.full(len(bad), 0.03), "x", color=_BAD, ms=6, mew=1.6, transform=axes.get_xaxis_transform())
    axes.set_title(_safe(words.get(name, name)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=9, min_n_ticks=1))
    axes.set_xlabel(words.get("step", "step") if steps else words.get("epoch", "epoch"))
    axes.margins(y=0.07)
    if is_logarithmic(name, finite):
        axes.set_yscale("log")
    if not finite:
        axes.set_yticks([])
    if len(curves) > 1 or next(iter(curves)).partition("/")[0] != "lr":
        axes.legend(edgecolor="none", framealpha=0.8, fontsize=8.5)


def _mark(axes: Axes, members: Sequence[str], marks: Marks, steps: bool) -> None:
    def line(step: int, epoch: int, color: str, width: float, style: Literal[":", "-.", "--"]) -> int:
        place = step if steps else epoch + 1
        # Not `axvline`: the legend would keep away from it, and hide a curve instead.
        axes.vlines(place, 0, 1, color, style, transform=axes.get_xaxis_transform(), lw=width, zorder=1)
        return place

    for step, epoch in marks.get("lr_cuts", ()):
        line(step, epoch, _CUT, 1.6, ":")
    if stopped := marks.get("stopped"):
        line(*stopped, _STOP, 1.4, "-.")
    if best := marks.get("best"):
        metric, step, epoch, value = best
        place = line(step, epoch, _BEST, 1, "--")
        if metric in members:
            axes.plot(place, value, "*", color=_BEST, ms=12, mec="white", mew=0.8, zorder=5)


def _head(figure: Figure, title: str, subtitle: str) -> None:
    """Write the title into the room that `_figure` leaves at the top."""
    inch = 1 / figure.get_figheight()
    figure.text(0.012, 1 - 0.1 * inch, _safe(title), va="top", fontsize=11, weight="bold")
    figure.text(0.012, 1 - 0.3 * inch, _safe(subtitle), va="top", fontsize=10, color=_GREY)


def _key(figure: Figure, series: Mapping[str, Sequence[Point]], marks: Marks, words: Mapping[str, str]) -> None:
    """Explain at the foot only those marks that are there."""
    key: list[tuple[Line2D, str]] = []

    def add(word: str, detail: str = "", **style: Any) -> None:
        key.append((Line2D([], [], **style), words.get(word, word) + detail))

    if best := marks.get("best"):
        metric, _, epoch, value = best
        where = f"{words.get('epoch', 'epoch')} {epoch + 1}"
        add(
            "best",
            f": {_safe(metric)} {value:.4g}, {where}",
            color=_BEST,
            ls="--",
            lw=1,
            marker="*",
            ms=10,
            mec="white",
        )
    if marks.get("lr_cuts"):
        add("learning rate cut", color=_CUT, ls=":", lw=1.6)
    if marks.get("stopped"):
        add("stopped early", color=_STOP, ls="-.", lw=1.4)
    if not all(np.isfinite(coordinates(points, steps=True)[1]).all() for points in series.values()):
        add("NaN or infinite", color=_BAD, ls="", marker="x", ms=6, mew=1.6)
    if key:
        handles, labels = zip(*key, strict=True)
        figure.legend(handles, labels, loc="outside lower left", ncols=len(key), frameon=False, fontsize=8.5)


def _safe(text: str) -> str:
    """Keep a dollar sign in a name from starting a formula."""
    return text.replace("$", r"\$")
