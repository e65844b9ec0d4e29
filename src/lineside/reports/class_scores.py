"""Precision, recall and F1 per class, from a confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClassScores:
    """The scores of one class.

    Attributes:
        precision: the share of what was taken for the class that is of it; 0.0 where nothing was, as scikit-learn has
            it by default.
        recall: the share of the class that was taken for it; 0.0 where there is nothing of the class.
        f1: the harmonic mean of both.
        support: how many samples are of the class.
    """

    precision: float
    recall: float
    f1: float
    support: int


def class_scores(matrix: Sequence[Sequence[float]]) -> list[ClassScores | None]:
    """Return the scores of each class; None for a class that neither occurs nor was predicted.

    Args:
        matrix: K rows of K counts: how often class i was taken for class j.
    """
    predicted = [sum(column) for column in zip(*matrix, strict=True)]
    found: list[ClassScores | None] = []
    for number, row in enumerate(matrix):
        actual, right = sum(row), row[number]
        if not actual and not predicted[number]:
            found.append(None)
            continue
        precision = right / predicted[number] if predicted[number] else 0.0
        recall = right / actual if actual else 0.0
        f1 = 2 * right / (actual + predicted[number])
        found.append(ClassScores(precision, recall, f1, int(actual)))
    return found


def macro(scores: Sequence[ClassScores | None]) -> tuple[float, float, float]:
    """Return the plain means of precision, recall and F1 over the classes that occur or were predicted."""
    there = [one for one in scores if one is not None]
    count = max(1, len(there))
    return (
        sum(one.precision for one in there) / count,
        sum(one.recall for one in there) / count,
        sum(one.f1 for one in there) / count,
    )
