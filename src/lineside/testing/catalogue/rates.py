"""Callbacks that change learning rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineside.testing.catalogue.proof import EPOCHS, Proof
from lineside.testing.catalogue.witness import WATCHED
from lineside.testing.toy import BATCHES, LEARNING_RATE


class LowersOnAPlateau(Proof):
    """One value without an improvement halves the rate: from the third epoch on, and again from the fourth on."""

    name = "reduce-lr-on-plateau"
    shows = "halves the rate with which the host steps behind each epoch without an improvement"
    options: Mapping[str, Any] = {"monitor": WATCHED, "mode": "min", "factor": 0.5, "patience": 1}
    scores = (0.5, 0.6, 0.6, 0.6)

    def check(self) -> None:
        """Look at the rates."""
        self.rates([factor for factor in (1.0, 1.0, 0.5, 0.25) for _ in range(BATCHES)])


class Schedules(Proof):
    """A function of the epoch."""

    name = "learning-rate-scheduler"
    shows = "the host steps with the scheduled rate of each epoch"
    options: Mapping[str, Any] = {"schedule": lambda epoch: LEARNING_RATE * 0.5**epoch}

    def check(self) -> None:
        """Look at the rates."""
        self.rates([0.5**epoch for epoch in range(EPOCHS) for _ in range(BATCHES)])


class WarmsUp(Proof):
    """From a quarter of the rate to all of it, step by step over two epochs."""

    name = "warm-up"
    shows = "the host steps with a rate that rises from batch to batch"
    options: Mapping[str, Any] = {"duration": "2 epochs", "start_factor": 0.25}

    def check(self) -> None:
        """Look at the rates."""
        rising, all_of_it = range(2 * BATCHES), [1.0] * ((EPOCHS - 2) * BATCHES)
        self.rates([0.25 + 0.75 * step / len(rising) for step in rising] + all_of_it)
