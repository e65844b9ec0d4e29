"""Callbacks that look into the training."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Mapping
from typing import Any

from lineside.store import RunReader
from lineside.testing.catalogue.proof import STEPS, Proof
from lineside.testing.requiring import require
from lineside.testing.toy import BATCHES, LEARNING_RATE


class WatchesGradients(Proof):
    """The norm of each step; of plain gradient descent it is the way that the weights go, over the rate."""

    name = "gradient-watch"
    shows = "the norm of each step's gradients, and how far the step went"
    options: Mapping[str, Any] = {"every": "1 step"}
    weights = True

    def check(self) -> None:
        """Compare with the way that the weights went."""
        self.steps()
        for step in range(1, STEPS + 1):
            values = self.witness.values[step]
            norm = values.get("gradients/total", math.nan)
            require(math.isfinite(norm) and norm > 0.0, f"The norm of step {step} is {norm}.")
            require(any(name.startswith("update_ratio/") for name in values), f"Step {step} has no ratio.")
            if self.host.is_line:
                before, after = self.witness.before[step - 1], self.witness.after[step]
                way = math.sqrt(sum(float(((after[name] - before[name]) ** 2).sum()) for name in before))
                close = abs(norm * LEARNING_RATE - way) <= 1e-3 * way + 1e-7
                require(close, f"The norm of step {step} is {norm:g}, and the weights went {way / LEARNING_RATE:g}.")


class WatchesTheMachine(Proof):
    """Values of the machine, and an account."""

    name = "resource-monitor"
    shows = "values of the machine in the records, and an account at the end"
    options: Mapping[str, Any] = {"every": "0.1 s", "gpu": False}

    def check(self) -> None:
        """Read the records."""
        with RunReader.open(self.witness.dir) as records:
            names = [name for name in records.metric_names() if name.startswith("system/")]
            require("system/cpu_percent" in names or len(names) > 2, f"The records have {names}.")
            require(bool(records.texts(self.name)), "There is no account.")


class ProfilesSteps(Proof):
    """A trace of two steps of the second epoch."""

    name = "profile-steps"
    shows = "a trace of the chosen steps that a viewer reads, and a table of the costliest operators"
    options: Mapping[str, Any] = {"steps": f"{BATCHES + 2}-{BATCHES + 3}", "warmup": 1}

    def check(self) -> None:
        """Read the trace and the table."""
        self.steps()
        stem = f"steps-{self.options['steps']}"
        with gzip.open(self.file("profile", f"{stem}.json.gz"), "rt", encoding="utf-8") as file:
            require(bool(json.load(file)["traceEvents"]), "The trace is empty.")
        require(len(self.file("profile", f"{stem}.txt").read_text("utf-8").splitlines()) > 2, "The table is empty.")
