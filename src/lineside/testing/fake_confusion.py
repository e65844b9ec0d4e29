"""Counting a confusion matrix of lists of numbers."""

from __future__ import annotations

from collections.abc import Sequence


def fake_confusion(
    outputs: Sequence[float] | Sequence[Sequence[float]],
    targets: Sequence[int],
    counts: Sequence[float] | None = None,
    *,
    classes: int | None = None,
    threshold: float | None = None,
) -> list[float]:
    """Count as `lineside.confusion.CountsClasses` says: outputs are class numbers, scores of each class, or one score.

    With `threshold` a number is a score; without it, a class number.
    """
    predicted = [_predicted(one, threshold) for one in outputs]
    if classes is None:
        classes = max(2, max((len(one) for one in outputs if isinstance(one, Sequence)), default=0))
    held = list(counts) if counts is not None else [0.0] * (classes * classes + 1)
    for target, guess in zip(targets, predicted, strict=True):
        known = 0 <= target < classes and 0 <= guess < classes
        held[target * classes + guess if known else -1] += 1
    return held


def _predicted(scores: float | Sequence[float], threshold: float | None) -> int:
    if isinstance(scores, Sequence):
        return max(range(len(scores)), key=scores.__getitem__)
    return int(scores) if threshold is None else int(scores > threshold)
