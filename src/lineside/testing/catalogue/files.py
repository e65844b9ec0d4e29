"""Callbacks that write files."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from typing import Any

from lineside.testing.catalogue.proof import EPOCHS, STEPS, Proof
from lineside.testing.requiring import require
from lineside.testing.toy import BATCHES

_NAMES = ("train/loss", "val/loss")


class WritesRows(Proof):
    """One line an epoch, with the values that callbacks see."""

    name = "log-metrics"
    shows = "CSV and JSON lines have each epoch once, with the values that callbacks see"

    def check(self) -> None:
        """Read both files."""
        with self.file("metrics.csv").open(encoding="utf-8") as file:
            rows: list[Mapping[str, Any]] = list(csv.DictReader(file))
        self._compare(rows)
        self._compare([json.loads(line) for line in self.file("metrics.jsonl").read_text("utf-8").splitlines()])

    def _compare(self, rows: list[Mapping[str, Any]]) -> None:
        for name in _NAMES:
            written = {int(row["epoch"]): float(row[name]) for row in rows if row.get(name)}
            values = [row for row in rows if row.get(name)]
            require(len(values) == EPOCHS, f"{name} stands in {len(values)} lines.")
            right = {epoch: self.witness.metrics[epoch][name] for epoch in range(EPOCHS)}
            close = all(abs(written[epoch] - right[epoch]) <= 1e-6 * abs(right[epoch]) for epoch in right)
            require(close, f"{name} is {written}, and callbacks saw {right}.")


class WritesEvents(Proof):
    """TensorBoard's own reader finds each epoch once."""

    name = "tensorboard"
    shows = "TensorBoard reads each epoch once, with the values that callbacks see"

    def check(self) -> None:
        """Read with TensorBoard."""
        read = self._read()
        for name in _NAMES:
            points = {one.step: one.value for one in read.Scalars(name)}
            right = {(epoch + 1) * BATCHES: self.witness.metrics[epoch][name] for epoch in range(EPOCHS)}
            require(points.keys() == right.keys(), f"{name} has steps {sorted(points)}, not {sorted(right)}.")
            close = all(abs(points[step] - right[step]) <= 1e-5 * abs(right[step]) for step in right)
            require(close, f"{name} is {points}, and callbacks saw {right}.")

    def _read(self) -> Any:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        found = EventAccumulator(str(self.witness.dir / "tensorboard"), size_guidance={"histograms": 0})
        found.Reload()
        return found


class WritesHistograms(WritesEvents):
    """As above, and the weights of each epoch as histograms."""

    variant = 'histograms="1 epoch"'
    shows = "TensorBoard reads the values, and histograms of the weights of each epoch"
    options: Mapping[str, Any] = {"histograms": "1 epoch"}

    def check(self) -> None:
        """Read histograms as well."""
        super().check()
        read = self._read()
        tags = [tag for tag in read.Tags()["histograms"] if tag.startswith("weights/")]
        require(bool(tags), f"There are no histograms of weights: {read.Tags()['histograms']}")
        steps = [one.step for one in read.Histograms(tags[0])]
        require(steps[-1] == STEPS and len(steps) == EPOCHS, f"{tags[0]} has steps {steps}.")


class DrawsCurves(Proof):
    """Two pictures."""

    name = "plot-training-curve"
    shows = "the curve is there as PNG and SVG"

    def check(self) -> None:
        """Look at both."""
        self.picture("plots", "training_curve.png")
        drawn = self.file("plots", "training_curve.svg", least=3000).read_text("utf-8")
        require("</svg>" in drawn, "training_curve.svg is no whole picture.")


class Reports(Proof):
    """A page that knows how the run ended."""

    name = "summary-report"
    shows = "the report is there, with the run, its metrics and its end"

    def check(self) -> None:
        """Read it."""
        page = self.file("report.html", least=10_000).read_text("utf-8")
        for word in (self.witness.dir.name, "val/loss", "</html>"):
            require(word in page, f"The report lacks {word!r}.")
