from __future__ import annotations

import random

import pytest

from lineside.reports.class_scores import ClassScores, class_scores, macro


def test_scores_of_a_small_matrix() -> None:
    assert class_scores([[3, 1], [0, 2]]) == [
        ClassScores(1.0, 0.75, 6 / 7, 4),
        ClassScores(2 / 3, 1.0, 0.8, 2),
    ]


def test_a_class_that_is_never_predicted_and_one_that_never_occurs_score_zero() -> None:
    never_predicted, never_there, absent = class_scores([[0, 2, 0], [0, 0, 0], [0, 0, 0]])
    assert never_predicted == ClassScores(0.0, 0.0, 0.0, 2)
    assert never_there == ClassScores(0.0, 0.0, 0.0, 0)
    assert absent is None


def test_means_leave_out_what_is_not_there() -> None:
    scores = class_scores([[3, 1, 0], [0, 2, 0], [0, 0, 0]])
    assert macro(scores) == pytest.approx((5 / 6, 0.875, (6 / 7 + 0.8) / 2))
    assert macro([]) == macro([None]) == (0.0, 0.0, 0.0)


def test_they_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    drawn = random.Random(3)
    actual = [drawn.randrange(6) for _ in range(300)]
    predicted = [one if drawn.random() < 0.5 else drawn.choice([0, 1, 2, 7]) for one in actual]
    labels = list(range(9))
    matrix = metrics.confusion_matrix(actual, predicted, labels=labels).tolist()
    found = class_scores(matrix)
    there = sorted({*actual, *predicted})
    theirs = metrics.precision_recall_fscore_support(actual, predicted, labels=there, zero_division=0.0)
    assert [found[label] is None for label in labels] == [label not in there for label in labels]
    for label, *right in zip(there, *theirs, strict=True):
        ours = found[label]
        assert ours is not None
        assert [ours.precision, ours.recall, ours.f1, ours.support] == pytest.approx(right)
    means = metrics.precision_recall_fscore_support(actual, predicted, average="macro", zero_division=0.0)
    assert macro(found) == pytest.approx(means[:3])
