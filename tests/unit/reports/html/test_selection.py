from __future__ import annotations

from lineside.reports.html.selection import ALL_POINTS, MOST_METRICS, MOST_POINTS, Selection


def test_few_metrics_are_all_shown_with_many_points() -> None:
    assert Selection.of(["a", "val/loss"]) == Selection(["a", "val/loss"], [], MOST_POINTS)
    assert Selection.of([]) == Selection([], [], MOST_POINTS)


def test_of_very_many_those_of_the_training_are_shown_and_the_others_named() -> None:
    names = [f"gradients/{index}" for index in range(MOST_METRICS)] + ["val/loss", "lr", "system/cpu"]
    selection = Selection.of(names)
    assert len(selection.shown) == MOST_METRICS
    assert {"val/loss", "lr", "system/cpu"} <= set(selection.shown)
    assert selection.left_out == ["gradients/297", "gradients/298", "gradients/299"]
    assert selection.points * len(selection.shown) <= ALL_POINTS
