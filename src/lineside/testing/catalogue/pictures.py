"""Callbacks that draw what a model makes of a validation."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import Any

from lineside.testing.catalogue.proof import EPOCHS, Proof
from lineside.testing.requiring import require
from lineside.testing.toy import validation_points


class CountsClasses(Proof):
    """The toy's outputs above zero are class 1, its targets are cut to whole numbers; others than 0 and 1 are none."""

    name = "confusion-matrix"
    shows = "each validation has its matrix as a picture and as a table, in which all samples stand"
    options: Mapping[str, Any] = {"threshold": 0.0}

    def check(self) -> None:
        """Look at the pictures, and count."""
        samples = sum(int(target[0]) in (0, 1) for _, target in validation_points())
        for epoch in range(EPOCHS):
            stem = f"epoch-{epoch + 1:04}"
            self.picture("plots", "confusion_matrix", f"{stem}.png")
            with self.file("plots", "confusion_matrix", f"{stem}.csv").open(encoding="utf-8") as file:
                counted = sum(int(row["count"]) for row in csv.DictReader(file))
            require(counted == samples, f"{counted} samples were counted in epoch {epoch}, of {samples}.")
            require("val/macro_f1" in self.witness.metrics[epoch], f"Epoch {epoch} has no scores.")


class DrawsSamples(Proof):
    """A picture an epoch."""

    name = "prediction-samples"
    shows = "each validation has a picture of inputs, targets and predictions"
    options: Mapping[str, Any] = {"count": 4}

    def check(self) -> None:
        """Look at the pictures."""
        for epoch in range(EPOCHS):
            self.picture("plots", "prediction_samples", f"epoch-{epoch + 1:04}.png")
