"""Callbacks that try training steps and take them back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineside.testing.catalogue.proof import STEPS, Proof
from lineside.testing.catalogue.witness import apart
from lineside.testing.requiring import require
from lineside.testing.toy import LEARNING_RATE

_TRIED = 12


class _Undone(Proof):
    weights = True

    def check(self) -> None:
        """Require a training as if nothing had been tried."""
        self.rates([1.0] * STEPS)
        far = apart(self.witness.before[0], self.witness.started)
        require(far == 0.0, f"The training begins with weights that are {far:g} apart from those before the trial.")


class FindsARate(_Undone):
    """Twelve rates, a curve, and a training as if there had been no test."""

    name = "lr-finder"
    shows = "tries growing rates, keeps their losses, and leaves the training as it was"
    options: Mapping[str, Any] = {
        "min_lr": LEARNING_RATE / 100,
        "max_lr": LEARNING_RATE * 4,
        "steps": _TRIED,
        "stop_factor": None,
        "then": "continue",
        "formats": (),
    }

    def check(self) -> None:
        """Look at the curve as well."""
        super().check()
        rates = [rate for rate, _ in self.callback.curve]
        require(len(rates) == _TRIED and rates == sorted(rates), f"It tried {rates}.")
        reached = abs(rates[-1] - LEARNING_RATE * 4) <= 1e-6
        require(reached, f"The last rate that it tried is {rates[-1]:g}.")


class FindsABatchSize(_Undone):
    """Sizes up to eight, and a training as if none had been tried."""

    name = "batch-size-finder"
    shows = "tries growing batches, suggests a size, and leaves the training as it was"
    options: Mapping[str, Any] = {"max_val": 8, "steps_per_trial": 1}

    def check(self) -> None:
        """Look at the suggestion as well."""
        super().check()
        require(self.callback.optimal_batch_size in (1, 2, 4, 8), f"It suggests {self.callback.optimal_batch_size}.")
        suggested = self.witness.metrics[0].get("system/suggested_batch_size")
        require(suggested == self.callback.optimal_batch_size, f"The run's records suggest {suggested}.")
