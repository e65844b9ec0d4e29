"""Callbacks that tell people how it goes, and functions of one's own."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lineside.callback import Callback
from lineside.ports import RunView
from lineside.testing.catalogue.proof import EPOCHS, Proof, TriedHost
from lineside.testing.catalogue.witness import WATCHED
from lineside.testing.requiring import require


class _Tells(Proof):
    """What is written into a stream."""

    def __init__(self, host: TriedHost, place: Path) -> None:
        super().__init__(host, place)
        self._said = io.StringIO()

    def make(self, **options: Any) -> Callback:
        """Return one that writes into it."""
        return self._new(stream=self._said, **self.options, **options)

    def check(self) -> None:
        """Look for a line for each epoch."""
        for epoch in range(1, EPOCHS + 1):
            label = f"epoch {epoch}/{EPOCHS}  "
            lines = [line for line in self._said.getvalue().splitlines() if label in line and "val_loss" in line]
            require(bool(lines), f"There is no line of {label.strip()} with its val_loss: {self._said.getvalue()}")


class ShowsProgress(_Tells):
    """A line for each epoch; a bar needs a terminal."""

    name = "progress-bar"
    shows = "each epoch leaves a line with its values"
    options: Mapping[str, Any] = {"display": "plain"}


class Monitors(_Tells):
    """A line for each epoch, and a warning."""

    name = "training-monitor"
    shows = "each epoch leaves a line with its values, and a value out of bounds a warning and an alert"
    options: Mapping[str, Any] = {"abnormal": {WATCHED: "> 10"}}
    scores = (1.0, 1.0, 20.0, 1.0)

    def check(self) -> None:
        """Look for the warning as well."""
        super().check()
        require("val_watched 20 is abnormal" in self._said.getvalue(), f"No warning in: {self._said.getvalue()}")
        require(any("val_watched" in one.title for one in self.witness.alerts), "There was no alert.")


class CallsFunctions(Proof):
    """Functions of epochs and batches."""

    name = "lambda"
    shows = "functions are called at their events"

    def __init__(self, host: TriedHost, place: Path) -> None:
        super().__init__(host, place)
        self._epochs: dict[int, float] = {}

    def make(self, **options: Any) -> Callback:
        """Return one that keeps a metric of each epoch."""
        return self._new(on_setup=self._begin, on_epoch_end=self._keep, **options)

    def _begin(self, run: RunView) -> None:
        if run.attempt == 1:
            self._epochs.clear()

    def _keep(self, run: RunView) -> None:
        self._epochs[run.epoch] = run.metrics["val_loss"]

    def check(self) -> None:
        """Look at what was kept."""
        right = {epoch: self.witness.metrics[epoch]["val/loss"] for epoch in range(EPOCHS)}
        require(self._epochs == right, f"It saw {self._epochs}, not {right}.")
