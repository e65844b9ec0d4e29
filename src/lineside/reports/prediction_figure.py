"""The picture of samples beside what a model predicts for them. Runs in the helper process."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from lineside.files import write_atomic
from lineside.reports.fonts import chinese_font
from lineside.reports.sample_images import Normalisation, channels_last, classes_of_pixels, is_image, shown
from lineside.reports.sample_table import table
from lineside.reports.samples import Part, Sample, Values, Verdict, unpacked, verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Kind = Literal["image", "vector", "text"]

_BLUE, _ORANGE, _GREEN, _RED, _GREY = "#0072B2", "#D55E00", "#117733", "#882255", "#5A5A5A"
_WORDS = {"input": "输入", "target": "目标", "predicted": "预测"}
_COLUMNS = 4
_FEW = 16
"""So few numbers are shown as bars."""


def draw(
    *,
    taken: Sequence[Mapping[str, Any]],
    kind: Literal["auto", "image", "vector", "text"],
    classes: Sequence[str] | None,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    path: str,
    title: str,
    subtitle: str,
    language: str = "en",
) -> bytes:
    """Draw samples into a PNG file, atomically, and return the picture.

    Args:
        taken: the samples, as `PredictionSamples` takes them from batches.
        kind: what the inputs are.
        classes: names of the classes.
        mean: what was subtracted from images, per channel.
        std: what they were divided by.
        path: of the PNG file.
        title: of the picture.
        subtitle: smaller, below the title.
        language: ``en`` or ``zh``.
    """
    samples = unpacked(taken)
    font = chinese_font()
    words = _WORDS if language == "zh" and font else {word: word for word in _WORDS}
    settings: Any = {
        "font.family": ["DejaVu Sans", *([font] if font else [])],
        "font.size": 9.0,
    }
    with mpl.rc_context(settings):
        verdicts = [verdict(sample, classes) for sample in samples]
        found = _kind_of(samples[0]) if kind == "auto" else kind
        if found == "text":
            figure = table([(_text(sample.input), one) for sample, one in zip(samples, verdicts, strict=True)], words)
        elif found == "image" and _is_picture(samples[0].output):
            figure = _pictures(samples, Normalisation(mean, std), words)
        else:
            figure = _cells(samples, verdicts, found, Normalisation(mean, std), words)
        inch = 1 / figure.get_figheight()
        figure.text(0.012, 1 - 0.1 * inch, _safe(title), va="top", fontsize=11, weight="bold")
        figure.text(0.012, 1 - 0.32 * inch, _safe(subtitle), va="top", fontsize=9.5, color=_GREY)
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=120)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_atomic(Path(path), picture.getvalue())
    return picture.getvalue()


def _kind_of(sample: Sample) -> Kind:
    if sample.input is None or sample.input.values is None:
        return "text"
    return "image" if is_image(sample.input.values) else "vector"


def _is_picture(part: Part | None) -> bool:
    return part is not None and part.values is not None and part.values.ndim >= 2


def _canvas(width: float, height: float) -> Figure:
    head = 0.6
    total = height + head
    return Figure(figsize=(width, total), layout=ConstrainedLayoutEngine(rect=(0, 0, 1, height / total)))


def _cells(
    samples: Sequence[Sample],
    verdicts: Sequence[Verdict],
    kind: Kind,
    normalisation: Normalisation,
    words: Mapping[str, str],
) -> Figure:
    """Draw each sample with its verdict above it."""
    columns = min(_COLUMNS, len(samples))
    rows = -(-len(samples) // columns)
    width, height = (2.3, 2.6) if kind == "image" else (3.0, 2.2)
    figure = _canvas(max(4.6, width * columns), height * rows)
    for axes, sample, one in zip(figure.subplots(rows, columns, squeeze=False).flat, samples, verdicts, strict=False):
        if kind == "image":
            axes.imshow(shown(_numbers(sample.input), normalisation), cmap="gray", vmin=0, vmax=1)
        elif _is_curve(sample.target) and _is_curve(sample.output) and one.right is None:
            _curves(axes, sample, words)
            continue
        else:
            _vector(axes, _numbers(sample.input).reshape(-1))
        _say(axes, one, words)
    for axes in figure.axes[len(samples) :] if kind != "image" else ():
        axes.set_visible(False)
    for axes in figure.axes if kind == "image" else ():
        axes.set_axis_off()
    return figure


def _vector(axes: Axes, values: Values) -> None:
    if values.size <= _FEW:
        axes.bar(range(values.size), values, color=_GREY)
    else:
        axes.plot(values, color=_GREY, lw=1.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7)


def _curves(axes: Axes, sample: Sample, words: Mapping[str, str]) -> None:
    """Draw a target and an output that are curves over each other, and the input where it is as long as they are."""
    parts = [("input", sample.input, _GREY), ("target", sample.target, _BLUE), ("predicted", sample.output, _ORANGE)]
    curves = [(words[name], _numbers(part).reshape(-1), color) for name, part, color in parts]
    for name, values, color in curves:
        if len(values) == len(curves[-1][1]):
            axes.plot(values, color=color, lw=1.3, label=name)
    axes.legend(fontsize=7, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7)


def _is_curve(part: Part | None) -> bool:
    return part is not None and part.values is not None and part.values.size > 1


def _say(axes: Axes, one: Verdict, words: Mapping[str, str]) -> None:
    """Write what is right and what was predicted; a sign says as much as the colour."""
    color = {True: _GREEN, False: _RED, None: "black"}[one.right]
    sign = {True: "✓ ", False: "✗ ", None: ""}[one.right]
    lines = [f"{words['target']}: {one.target}"] if one.target else []
    lines.append(f"{sign}{words['predicted']}: {one.predicted}")
    axes.set_title(_safe("\n".join(map(_short, lines))), fontsize=8.5, color=color, loc="left")


def _pictures(samples: Sequence[Sample], normalisation: Normalisation, words: Mapping[str, str]) -> Figure:
    """Draw input, target and output as pictures: a column for each sample."""
    rows = [name for name, part in (("input", samples[0].input), ("target", samples[0].target)) if _is_picture(part)]
    rows.append("predicted")
    figure = _canvas(max(4.6, 1.6 * len(samples) + 0.5), 1.65 * len(rows))
    grid = figure.subplots(len(rows), len(samples), squeeze=False)
    for column, sample in enumerate(samples):
        parts = {"input": sample.input, "target": sample.target, "predicted": sample.output}
        for row, name in enumerate(rows):
            axes = grid[row, column]
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
            _picture(axes, parts[name], sample, normalisation)
            if column == 0:
                axes.set_ylabel(words[name])
    return figure


def _picture(axes: Axes, part: Part | None, sample: Sample, normalisation: Normalisation) -> None:
    values, shape = _numbers(part), channels_last(_numbers(sample.input)).shape
    regions = classes_of_pixels(values, whole=part is not None and part.whole, of_input=shape)
    if regions is not None:
        axes.imshow(regions, cmap="tab20", vmin=0, vmax=19, interpolation="nearest")
        return
    same = channels_last(values).shape == shape
    axes.imshow(shown(values, normalisation if same else Normalisation()), cmap="gray", vmin=0, vmax=1)


def _numbers(part: Part | None) -> Values:
    return part.values if part is not None and part.values is not None else np.zeros((1, 1), np.float32)


def _text(part: Part | None) -> str:
    if part is None:
        return ""
    return part.text if part.values is None else " ".join(f"{value:.6g}" for value in part.values.reshape(-1))


def _short(line: str, most: int = 30) -> str:
    return line if len(line) <= most else line[: most - 1] + "…"


def _safe(text: str) -> str:
    """Keep a dollar sign in a name from starting a formula."""
    return text.replace("$", r"\$")
