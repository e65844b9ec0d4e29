"""The picture of a confusion matrix: all pairs of few classes, the worst pairs of many."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from lineside.reports.class_scores import ClassScores, macro
from lineside.reports.fonts import chinese_font

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_MOST_CELLS = 30
"""Classes of the largest matrix that can be read."""
_WORST = 20
_LONGEST = 24
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#5A5A5A"
_WORDS = {
    "predicted": "预测",
    "actual": "实际",
    "accuracy": "准确率",
    "samples": "样本",
    "macro F1": "宏平均 F1",
    "not counted": "未计入",
    "confused most": "混淆最多",
    "found least (recall)": "召回率最低",
    "share of actual class": "占实际类别的比例",
    "share of predicted class": "占预测类别的比例",
    "share of all": "占全部的比例",
    "nothing is confused": "没有混淆",
}
_SHARE_OF = {"true": "share of actual class", "pred": "share of predicted class", "all": "share of all"}


def draw(
    matrix: Sequence[Sequence[int]],
    names: Sequence[str],
    scores: Sequence[ClassScores | None],
    left_out: int,
    normalize: Literal["true", "pred", "all"] | None,
    title: str,
    subtitle: str,
    language: str,
) -> bytes:
    """Return a PNG; see `lineside.reports.confusion.report`."""
    font = chinese_font()
    word: Callable[[str], str] = (lambda text: _WORDS[text]) if language == "zh" and font else str
    settings: Any = {
        "font.family": ["DejaVu Sans", *([font] if font else [])],
        "font.size": 9.5,
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
    }
    with mpl.rc_context(settings):
        counts = np.asarray(matrix, dtype=np.int64)
        if len(names) <= _MOST_CELLS:
            figure = _all_pairs(counts, [_short(name) for name in names], normalize, word)
        else:
            figure = _worst(counts, [_short(name) for name in names], scores, word)
        inch = 1 / figure.get_figheight()
        total, right = int(counts.sum()), int(np.trace(counts))
        parts = [
            subtitle,
            f"{word('samples')} {total:,}",
            f"{word('accuracy')} {right / max(1, total):.4f}",
            f"{word('macro F1')} {macro(scores)[2]:.4f}",
            *([f"{word('not counted')} {left_out:,}"] if left_out else []),
        ]
        figure.text(0.012, 1 - 0.1 * inch, _safe(title), va="top", fontsize=11, weight="bold")
        figure.text(0.012, 1 - 0.32 * inch, _safe(" · ".join(parts)), va="top", fontsize=9.5, color=_GREY)
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=150)
    return picture.getvalue()


def _canvas(width: float, height: float) -> Figure:
    head = 0.6 / height
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(rect=(0, 0, 1, 1 - head), wspace=0.06))


def _all_pairs(
    counts: NDArray[np.int64], names: Sequence[str], normalize: str | None, word: Callable[[str], str]
) -> Figure:
    size = len(names)
    side = max(3.4, 0.42 * size)
    longest = 0.075 * max(map(len, names))
    figure = _canvas(side + 1.9 + longest, side + 1.5 + longest)
    axes = figure.add_subplot()
    shares = _shares(counts, normalize)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1 if normalize in {"true", "pred"} else shares.max() or 1)
    ticks = range(size)
    turned = max(map(len, names)) > 3
    axes.set_xticks(ticks, map(_safe, names), rotation=90 if turned else 0)
    axes.set_yticks(ticks, map(_safe, names))
    axes.set_xlabel(word("predicted"))
    axes.set_ylabel(word("actual"))
    axes.set_xticks(np.arange(size - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(size - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", lw=1)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    _write_cells(axes, counts, shares / (image.norm.vmax or 1))
    if normalize is not None:
        bar = figure.colorbar(image, ax=axes, shrink=0.6, aspect=24, label=word(_SHARE_OF[normalize]))
        bar.outline.set_visible(False)
    return figure


def _write_cells(axes: Axes, counts: NDArray[np.int64], darkness: NDArray[np.float64]) -> None:
    """Write each count that is not 0 into its cell, as large as fits."""
    size = 9.0 if len(counts) <= 12 else 6.5
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "white" if darkness[row, column] > 0.55 else "black"
            axes.text(column, row, _count(int(count)), ha="center", va="center", color=color, fontsize=size)


def _shares(counts: NDArray[np.int64], normalize: str | None) -> NDArray[np.float64]:
    if normalize is None:
        return counts.astype(np.float64)
    axis = {"true": 1, "pred": 0, "all": None}[normalize]
    total = np.maximum(1, counts.sum(axis=axis, keepdims=True))
    shares: NDArray[np.float64] = counts / total
    return shares


def _worst(
    counts: NDArray[np.int64],
    names: Sequence[str],
    scores: Sequence[ClassScores | None],
    word: Callable[[str], str],
) -> Figure:
    figure = _canvas(12.0, 6.6)
    left, right = figure.subplots(1, 2)
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_WORST]
    pairs = [(int(i), int(j)) for i, j in zip(*np.unravel_index(order, wrong.shape), strict=True) if wrong[i, j]]
    totals = counts.sum(axis=1)
    bars = [
        (f"{names[i]} → {names[j]}", float(wrong[i, j]), f"{_count(int(wrong[i, j]))} ({wrong[i, j] / totals[i]:.0%})")
        for i, j in pairs
    ]
    _bars(left, bars, _ORANGE)
    left.set_title(word("confused most") if bars else word("nothing is confused"))
    left.set_xlabel(f"{word('actual')} → {word('predicted')}")
    occurring = [(name, one) for name, one in zip(names, scores, strict=True) if one is not None and one.support]
    least = sorted(occurring, key=lambda pair: pair[1].recall)[:_WORST]
    _bars(right, [(name, one.recall, f"{one.recall:.0%} · n={one.support:,}") for name, one in least], _BLUE)
    right.set_title(word("found least (recall)"))
    right.set_xlim(0, 1.3)
    return figure


def _bars(axes: Axes, bars: Sequence[tuple[str, float, str]], color: str) -> None:
    places = range(len(bars))
    axes.barh(places, [length for _, length, _ in bars], color=color, height=0.7)
    axes.set_yticks(places, [_safe(name) for name, _, _ in bars])
    axes.set_ylim(_WORST - 0.4, -0.6)
    axes.margins(x=0.25)
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    for place, (_, length, label) in zip(places, bars, strict=True):
        axes.annotate(label, (length, place), (4, 0), textcoords="offset points", va="center", fontsize=8.5)


def _count(count: int) -> str:
    """Return a count that is short enough for a cell."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**4)):
        if count >= size:
            return f"{count / (1000 if unit == 'k' else size):.3g}{unit}"
    return str(count)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def _safe(text: str) -> str:
    """Keep a dollar sign in a name from starting a formula."""
    return text.replace("$", r"\$")
