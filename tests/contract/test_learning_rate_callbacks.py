"""The contract of all callbacks, kept by those that schedule learning rates."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pytest

from lineside.callback import Callback
from lineside.callbacks.learning_rate_scheduler import LearningRateScheduler
from lineside.callbacks.lr_finder import LRFinder
from lineside.callbacks.warm_up import WarmUp
from lineside.testing import CallbackContract, FakeRun


class RatesContract(CallbackContract):
    """The rate of every batch is an effect: a resumed run must train with the same ones."""

    inline_only = True
    alone = True

    def effects(self, run: FakeRun) -> list[Any]:
        rates = [row for row in run.logged if "lr" in row[3]]
        return super().effects(run) + [json.dumps([step, epoch, dict(values)]) for step, epoch, _, values in rates]


class WarmUpContract(RatesContract):
    alone = False

    def test_two_of_a_kind_share_a_run(self) -> None:
        """The rate is the run's and not that of one callback: it is multiplied by the factors of both."""
        both, one = [
            self._run(*(self.make(name=name) for name in names)).play(6, self._scene("ups and downs"))
            for names in (["number-0", "number-1"], ["number-0"])
        ]
        rates, factors = [[row[3]["lr"] / 0.1 for row in run.logged if "lr" in row[3]] for run in (both, one)]
        assert min(factors) < 1.0
        assert rates == pytest.approx([factor**2 for factor in factors])


class TestWarmUp(WarmUpContract):
    def make(self, **options: Any) -> Callback:
        return WarmUp("4 epochs", start_factor=0.01, **options)


class TestWarmUpBySteps(WarmUpContract):
    def make(self, **options: Any) -> Callback:
        return WarmUp("5 steps", mode="exponential", **options)


class TestLearningRateSchedulerOfAFunction(RatesContract):
    def make(self, **options: Any) -> Callback:
        return LearningRateScheduler(lambda epoch, lr: lr * math.exp(-0.1 * epoch), verbose=True, **options)


class TestLearningRateSchedulerOfSteps(RatesContract):
    def make(self, **options: Any) -> Callback:
        return LearningRateScheduler(lambda step: {"body": 0.1 / (1 + step), "head": 0.2}, "step", **options)


class TestLearningRateSchedulerByName(RatesContract):
    def make(self, **options: Any) -> Callback:
        return LearningRateScheduler("cosine", "step", duration="5 epochs", final_factor=0.1, **options)


class Halving:
    """A scheduler of no framework in particular."""

    def __init__(self) -> None:
        self.steps = 0

    def step(self) -> None:
        self.steps += 1

    def state_dict(self) -> dict[str, int]:
        return {"steps": self.steps}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        self.steps = state["steps"]


class TestLearningRateSchedulerOfAScheduler(RatesContract):
    def make(self, **options: Any) -> Callback:
        return LearningRateScheduler(Halving(), **options)


class TestLRFinder(RatesContract):
    def make(self, **options: Any) -> Callback:
        return LRFinder(steps=20, then="continue", **options)


class TestLRFinderThatStops(RatesContract):
    def make(self, **options: Any) -> Callback:
        return LRFinder(steps=12, formats=(), **options)


class TestLRFinderThatApplies(RatesContract):
    def make(self, **options: Any) -> Callback:
        return LRFinder(steps=12, then="apply", stop_factor=None, mode="linear", **options)
