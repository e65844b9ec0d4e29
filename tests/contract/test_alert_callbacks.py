"""The suite of all callbacks, on alerts: each rule, from wherever its values come."""

from __future__ import annotations

from typing import Any

import pytest

from lineside.alerts.making import RULES
from lineside.callbacks.alert import Alert
from lineside.testing import CallbackContract, FakeRun

# Rules at the edge of what happens in the scenes, so that something does.
RULE_OPTIONS = {
    "loss-spike": {"window": 10, "factor": 1.0},
    "overfitting-gap": {"gap": 0.0, "patience": 1},
    "plateau": {"patience": 2},
    "vanishing-gradient": {"below": 1.0, "patience": 2},
    "slow-step": {"window": 10, "factor": 1.0},
    "disk-nearly-full": {"below_gib": 0.0},
}
OPTIONS: dict[str, dict[str, Any]] = {
    "val/loss > 0.45": {"for_": "2 epochs", "then": "save"},
    "val_loss <= loss": {"cool_down": None, "level": "error"},
    "train/loss >= 0.5": {"every": "1 step", "cool_down": "5 s"},
    "val/accuracy != 0.5": {"then": "pause", "for_": "3 s"},
    "loss-spike": {"every": "1 step", "then": "stop"},
    "not-finite": {"every": "1 step"},
    "exploding-gradient": {"every": "1 step"},
    "vanishing-gradient": {"every": "2 steps"},
    "slow-step": {"every": "1 step"},
    "gpu-idle": {"for_": "1 s"},
}
INLINE_ONLY = {"exploding-gradient", "vanishing-gradient"}
CHECKS = [name for name in dir(CallbackContract) if name.startswith("test_")]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("when", sorted({*RULES, *OPTIONS}))
def test_an_alert(when: str, check: str, without_matplotlib: None) -> None:
    class Suite(CallbackContract):
        inline_only = when in INLINE_ONLY

        def make(self, **options: Any) -> Alert:
            rule = {when: RULE_OPTIONS[when]} if when in RULE_OPTIONS else when
            return Alert(rule, **OPTIONS.get(when, {}), **options)

        def effects(self, run: FakeRun) -> list[Any]:
            # That a run was resumed, only the resumed one tells.
            return [one for one in super().effects(run) if "Training goes on" not in one]

    getattr(Suite(), check)()


class TestAlertWithPicture(CallbackContract):
    def make(self, **options: Any) -> Alert:
        pytest.importorskip("matplotlib")
        return Alert("train/loss > 0.45", cool_down=None, **options)


@pytest.fixture
def without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave pictures to a test of their own."""
    monkeypatch.setattr("lineside.callbacks.alert.find_spec", lambda _: None)
