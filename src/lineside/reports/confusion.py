"""A confusion matrix as tables for programs and as a picture for people. Runs in the helper process."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from lineside.files import write_atomic
from lineside.reports.class_scores import ClassScores, class_scores
from lineside.reports.confusion_figure import draw

Cell = tuple[int, int, int]
"""Actual class, predicted class, how often."""


def report(
    *,
    cells: Sequence[Cell],
    names: Sequence[str],
    left_out: int,
    normalize: Literal["true", "pred", "all"] | None,
    path: str,
    title: str,
    subtitle: str,
    language: str = "en",
) -> bytes:
    """Write ``<path>.csv``, ``<path>-classes.csv`` and ``<path>.png``, each atomically; return the picture.

    Args:
        cells: the pairs that occurred.
        names: of the classes, in their order.
        left_out: samples whose target or prediction is none of the classes.
        normalize: what the shares in the picture are of; None for none.
        path: without a suffix.
        title: of the picture.
        subtitle: smaller, below the title.
        language: ``en`` or ``zh``.
    """
    matrix = [[0] * len(names) for _ in names]
    for actual, predicted, count in cells:
        matrix[actual][predicted] = count
    scores = class_scores(matrix)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pairs = ((names[actual], names[predicted], count) for actual, predicted, count in cells)
    write_atomic(Path(f"{path}.csv"), _csv(("actual", "predicted", "count"), pairs))
    rows = (_row(name, one) for name, one in zip(names, scores, strict=True))
    write_atomic(Path(f"{path}-classes.csv"), _csv(("class", "precision", "recall", "f1", "support"), rows))
    picture = draw(matrix, names, scores, left_out, normalize, title, subtitle, language)
    write_atomic(Path(f"{path}.png"), picture)
    return picture


def _row(name: str, scores: ClassScores | None) -> Sequence[Any]:
    if scores is None:
        return (name, "", "", "", 0)
    return (name, f"{scores.precision:.6g}", f"{scores.recall:.6g}", f"{scores.f1:.6g}", scores.support)


def _csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue().encode()
