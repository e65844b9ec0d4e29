from __future__ import annotations

import json
from typing import Any

import pytest

from lineside.advice.facts import Facts
from lineside.ports import CallbackInfo

FACTS = Facts(
    callbacks=[CallbackInfo("stop", "EarlyStopping", True, {"patience": 3}), CallbackInfo("off", "EMA", False)],
    optimizers=["AdamW"],
    schedulers=["StepLR"],
    lr={"0": 0.1},
    directory="/runs/a",
    container="docker",
    mount="/",
    filesystem="overlay",
    destinations=["wecombot://${KEY}"],
)


def test_facts_come_back_from_json_without_their_curves() -> None:
    plain = json.loads(json.dumps(FACTS.plain()))
    assert Facts.from_plain(plain, {}) == FACTS
    assert Facts.from_plain(plain, {"val/loss": [0.5]}).curves == {"val/loss": [0.5]}


def test_only_what_is_enabled_counts() -> None:
    assert [one.name for one in FACTS.enabled("EarlyStopping")] == ["stop"]
    assert FACTS.enabled("EMA") == []


@pytest.mark.parametrize(
    "changed",
    [{"callbacks": 3}, {"callbacks": [{"name": "a"}]}, {"lr": {"0": "fast"}}, {"lr": [1]}, {"optimizers": None}],
)
def test_what_is_no_record_of_facts_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        Facts.from_plain(FACTS.plain() | changed, {})
    with pytest.raises(KeyError):
        Facts.from_plain({}, {})
