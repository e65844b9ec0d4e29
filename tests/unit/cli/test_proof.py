from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lineside.cli.outcome import Outcome
from lineside.cli.proof import comparisons

OUTCOME = Outcome(
    steps=1140,
    weights="a" * 64,
    trained="b" * 64,
    best_weights="a" * 64,
    history={"train/loss": [0.5, 0.25], "val/loss": [0.75, float("nan")]},
    tested=300,
    right=299,
    best="epoch0001-step00000002-abcd",
    costs="",
)


def test_two_trainings_that_came_to_the_same_end_are_equal_in_everything() -> None:
    again = replace(OUTCOME, history={"val/loss": [0.75, float("nan")], "train/loss": [0.5, 0.25]})
    compared = comparisons(OUTCOME, again)
    assert [each.equal for each in compared] == [True] * 4
    assert compared[2].what == "history: 4 values"
    assert compared[3].resumed == "1,140"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"weights": "c" * 64}, 0),
        ({"trained": "c" * 64}, 1),
        ({"history": {"train/loss": [0.5, 0.25 + 2**-54], "val/loss": [0.75, float("nan")]}}, 2),
        ({"history": {"train/loss": [0.5], "val/loss": [0.75, float("nan")]}}, 2),
        ({"steps": 1141}, 3),
    ],
)
def test_each_difference_is_seen(change: dict[str, Any], place: int) -> None:
    compared = comparisons(OUTCOME, replace(OUTCOME, **change))
    assert [number for number, each in enumerate(compared) if not each.equal] == [place]
