from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

import numpy as np

from lineside.reports.class_scores import class_scores
from lineside.reports.confusion_figure import _all_pairs, _count, _shares, _worst

COUNTS = np.array([[3, 1], [0, 2]])


@pytest.mark.parametrize(
    ("normalize", "shares"),
    [
        ("true", [[0.75, 0.25], [0, 1]]),
        ("pred", [[1, 1 / 3], [0, 2 / 3]]),
        ("all", [[0.5, 1 / 6], [0, 1 / 3]]),
        (None, [[3, 1], [0, 2]]),
    ],
)
def test_shares_are_those_of_scikit_learn(normalize: str | None, shares: list[list[float]]) -> None:
    assert _shares(COUNTS, normalize) == pytest.approx(np.array(shares))


def test_a_class_that_never_occurs_has_no_shares() -> None:
    assert _shares(np.array([[0, 0], [1, 1]]), "true").tolist() == [[0, 0], [0.5, 0.5]]


def test_every_count_stands_in_its_cell() -> None:
    axes = _all_pairs(COUNTS, ["a", "b"], "true", str).axes[0]
    assert {(text.get_position(), text.get_text()) for text in axes.texts} == {
        ((0, 0), "3"),
        ((1, 0), "1"),
        ((1, 1), "2"),
    }
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


def test_of_many_classes_the_worst_come_first() -> None:
    counts = np.diag([10] * 40)
    counts[3, 5], counts[7, 2] = 4, 9
    figure = _worst(counts, [f"c{k}" for k in range(40)], class_scores(counts.tolist()), str)
    left, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["c7 → c2", "c3 → c5"]
    assert [text.get_text() for text in left.texts] == ["9 (47%)", "4 (29%)"]
    assert [label.get_text() for label in right.get_yticklabels()][:2] == ["c7", "c3"]
    assert len(right.texts) == 20


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (9999, "9999"), (12_345, "12.3k"), (2_500_000, "2.5M"), (3 * 10**9, "3G")]
)
def test_large_counts_are_short(count: int, text: str) -> None:
    assert _count(count) == text
