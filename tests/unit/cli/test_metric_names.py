from __future__ import annotations

import pytest

from lineside.cli.metric_names import headline, in_order, resolved, selected
from lineside.errors import MetricNotFound

KNOWN = [
    *("gradients/a", "update_ratio/a", "batch/loss", "time/epoch", "lr", "train/loss", "val/loss", "val/accuracy"),
    *("system/cpu", "margin/mean", "test/loss"),
]


def test_aliases_are_understood() -> None:
    assert resolved("val_loss", KNOWN) == "val/loss"
    assert resolved("loss", KNOWN) == "train/loss"
    assert resolved("recall", KNOWN) is None


def test_names_aliases_and_patterns_choose_each_metric_once() -> None:
    assert selected(["val_loss", "val/*"], KNOWN) == ["val/loss", "val/accuracy"]
    with pytest.raises(MetricNotFound, match=r"no metric 'val/los'\. Did you mean 'val/loss'\? There is: batch/loss,"):
        selected(["val/los"], KNOWN)
    with pytest.raises(MetricNotFound, match="There is: nothing yet"):
        selected(["x"], [])


def test_what_matters_comes_first() -> None:
    assert in_order(KNOWN) == [
        *("train/loss", "val/loss", "val/accuracy", "test/loss", "lr", "margin/mean", "batch/loss", "time/epoch"),
        *("gradients/a", "update_ratio/a", "system/cpu"),
    ]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (KNOWN, ["train/loss", "val/loss"]),
        (["val/loss"], ["val/loss"]),
        (["train/f1", "val/f1", "lr"], ["train/f1", "val/f1"]),
        (["batch/loss", "time/epoch"], ["batch/loss"]),
        ([], []),
    ],
)
def test_the_headline_is_the_loss_of_training_and_validation(known: list[str], expected: list[str]) -> None:
    assert headline(known) == expected
