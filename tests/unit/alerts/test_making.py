from __future__ import annotations

from typing import Any

import pytest

from lineside.alerts.making import rule_of
from lineside.alerts.rules.comparison import Comparison
from lineside.alerts.rules.loss_spike import LossSpike
from lineside.errors import OptionError


def test_what_a_person_may_write() -> None:
    assert isinstance(rule_of("val/loss > 10", "alert"), Comparison)
    assert isinstance(rule_of("loss-spike", "alert"), LossSpike)
    assert isinstance(rule_of("loss_spike", "alert"), LossSpike)
    made = rule_of({"loss-spike": {"factor": 5}}, "alert")
    assert isinstance(made, LossSpike)
    assert made.factor == 5
    assert rule_of(made, "alert") is made
    assert isinstance(rule_of({"loss-spike": None}, "alert"), LossSpike)


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("loss-spkie", "Did you mean 'loss-spike'?"),
        ("run_dead", "Did you mean 'run-died'?"),
        ({"loss-spike": {"factro": 5}}, "loss-spike has no 'factro'. Did you mean 'factor'?"),
        ({"run-failed": {"after": 5}}, "run-failed has no 'after'. It takes none."),
        ({"loss-spike": {"factor": "5"}}, "loss-spike: factor='5' must be a finite number."),
        ({"plateau": {"mode": "least"}}, "mode='least' is unknown."),
        ({"plateau": {"monitor": "val/thing"}}, "say mode='min' or mode='max'"),
        ({"stalled": {"after": "3 epochs"}}, "must be a time"),
        ({"overfitting-gap": {"val": "train/loss"}}, "a gap is between two metrics"),
        ({"loss-spike": {}, "plateau": {}}, "must be a comparison such as"),
        ({"loss-spike": 5}, "must be a comparison such as"),
        (5, "must be a comparison such as"),
    ],
)
def test_a_mistake_is_named_with_the_nearest_right_word(when: Any, message: str) -> None:
    with pytest.raises(OptionError) as refused:
        rule_of(when, "watch")
    assert str(refused.value).startswith("watch: when")
    assert message in str(refused.value)
