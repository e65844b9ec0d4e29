"""The picture of a learning-rate range test. Runs in the helper process."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from lineside.files import write_atomic
from lineside.reports.fonts import chinese_font
from lineside.reports.range_test import smoothed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BLUE, _GREEN, _GREY = "#0072B2", "#117733", "#5A5A5A"
_WORDS = {
    "learning rate": "学习率",
    "loss": "损失",
    "smoothed": "平滑后",
    "each step": "每一步",
    "suggested": "建议",
    "Learning-rate range test": "学习率范围测试",
}
_HEADROOM = 0.25
"""Room above the curve, as a share of its height; an explosion would press everything else flat."""


def draw(
    *,
    lrs: Sequence[float],
    losses: Sequence[float],
    smoothing: float,
    suggestion: float | None,
    reason: str,
    logarithmic: bool,
    paths: Mapping[str, str],
    title: str,
    language: str = "en",
) -> bytes:
    """Draw the loss over the rate into files, each replaced atomically, and return the picture as PNG.

    Args:
        lrs: the rates that were tried, rising.
        losses: the loss at each; finite.
        smoothing: of the curve, as in `RangeTest`.
        suggestion: the rate to mark, or None for none.
        reason: what the test says, in a sentence.
        logarithmic: the axis of the rates.
        paths: files by format, ``png`` or ``svg``.
        title: of the picture.
        language: ``en`` or ``zh``.
    """
    font = chinese_font()
    word: Callable[[str], str] = (lambda text: _WORDS[text]) if language == "zh" and font else str
    settings: Any = {
        "font.family": ["DejaVu Sans", *([font] if font else [])],
        "font.size": 9.5,
        "axes.edgecolor": "#B0B0B0",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#E8E8E8",
        "svg.hashsalt": "lineside",
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=(8.0, 4.4), layout=ConstrainedLayoutEngine(rect=(0, 0, 1, 0.86)))
        axes = figure.add_subplot()
        _curves(axes, lrs, losses, smoothed(losses, smoothing), word)
        if suggestion is not None:
            _suggested(axes, suggestion, word)
        if logarithmic:
            axes.set_xscale("log")
        axes.set_xlabel(word("learning rate"))
        axes.set_ylabel(word("loss"))
        axes.legend(edgecolor="none", framealpha=0.8, fontsize=8.5, loc="lower left")
        heading = f"{word('Learning-rate range test')} · {title}"
        figure.text(0.012, 0.975, _safe(heading), va="top", fontsize=11, weight="bold")
        figure.text(0.012, 0.915, _safe(reason), va="top", fontsize=9.5, color=_GREY)
        pictures = {form: _saved(figure, form) for form in {"png", *paths}}
    for form, path in paths.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_atomic(Path(path), pictures[form])
    return pictures["png"]


def _curves(
    axes: Axes, lrs: Sequence[float], losses: Sequence[float], curve: Sequence[float], word: Callable[[str], str]
) -> None:
    axes.plot(lrs, losses, ".", color=_BLUE, ms=5, alpha=0.45, mew=0, label=word("each step"))
    axes.plot(lrs, curve, "-", color=_BLUE, lw=1.8, label=word("smoothed"))
    shown = [loss for loss in losses if loss <= max(curve)] + list(curve)
    height = (max(shown) - min(shown)) or abs(shown[0]) or 1.0
    axes.set_ylim(min(shown) - 0.08 * height, max(shown) + _HEADROOM * height)


def _suggested(axes: Axes, rate: float, word: Callable[[str], str]) -> None:
    axes.vlines(
        rate, 0, 1, _GREEN, "--", transform=axes.get_xaxis_transform(), lw=1.4, label=f"{word('suggested')}: {rate:.3g}"
    )


def _saved(figure: Figure, form: str) -> bytes:
    picture = io.BytesIO()
    # Without a date the same test gives the same bytes.
    figure.savefig(picture, format=form, dpi=150, metadata={"Date": None} if form == "svg" else None)
    return picture.getvalue()


def _safe(text: str) -> str:
    """Keep a dollar sign in a name from starting a formula."""
    return text.replace("$", r"\$")
