"""What stands beside a callback that is tried: one that says which values it sees, and one that sees what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from lineside.callback import Callback
from lineside.events import Event
from lineside.ports import Alert, CheckpointView, RunView

Weights = Mapping[str, Any]
"""Flat NumPy arrays by name."""

WATCHED = "val/watched"
"""A metric that no training has by itself, so that its values can be chosen."""


class Script(Callback):
    """Says what is seen, whatever the training makes of its model.

    Args:
        scores: of `WATCHED` for each epoch, as if a validation had given them.
        losses: of batches, by the number of the step.
    """

    def __init__(self, scores: Sequence[float] = (), losses: Mapping[int, float] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._scores, self._losses = scores, losses or {}

    def on_val_end(self, run: RunView) -> None:
        """Give the score of the epoch."""
        if run.epoch < len(self._scores):
            run.log({WATCHED: self._scores[run.epoch]})

    def on_batch_end(self, run: RunView) -> None:
        """Give the loss of the batch, if there is one for it."""
        if run.step in self._losses:
            run.log({"train/loss": self._losses[run.step]})


class Witness(Callback):
    """Keeps what a training looks like behind a callback; an attempt that resumes goes on with the same record.

    Args:
        weights: keep copies of the weights as well.
        validated: returns the weights that a validation is made with.

    Attributes:
        rates: learning rates by group, with which each step was made.
        values: metrics of each batch, by step.
        metrics: metrics at the end of each epoch, by epoch.
        started: weights when the training began; those of the first attempt.
        before: weights before a batch, by the number of steps that were made.
        after: weights behind a batch, by the number of its step.
        trained: weights when the batches of an epoch are over, by epoch.
        validating: weights of a validation, by epoch.
        ended: weights when the run is over.
        checkpoints: those that were committed.
        alerts: those that were raised.
        dir: the run's directory.
        reason: why the training ended.
    """

    optional_hooks: ClassVar[frozenset[str]] = frozenset(event.hook for event in Event)

    def __init__(
        self, *, weights: bool = False, validated: Callable[[RunView], Weights] | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self._keeps_weights, self._validated = weights, validated or weights_of
        self._start_anew()

    def _start_anew(self) -> None:
        self.rates: dict[int, dict[str, float]] = {}
        self.values: dict[int, dict[str, float]] = {}
        self.metrics: dict[int, dict[str, float]] = {}
        self.started: Weights = {}
        self.before: dict[int, Weights] = {}
        self.after: dict[int, Weights] = {}
        self.trained: dict[int, Weights] = {}
        self.validating: dict[int, Weights] = {}
        self.ended: Weights = {}
        self.checkpoints: list[CheckpointView] = []
        self.alerts: list[Alert] = []
        self.dir = Path()
        self.reason: str | None = None

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit, but not an earlier attempt."""
        if run.attempt == 1:
            self._start_anew()
        self.dir = run.dir

    def on_train_start(self, run: RunView) -> None:
        """Forget what an attempt did behind the checkpoint from which this one goes on."""
        for kept in (self.rates, self.values, self.after):
            self._cut(kept, run.step)
        self._cut(self.before, run.step - 1)
        for kept in (self.metrics, self.trained, self.validating):
            self._cut(kept, run.epochs_done - 1)
        if self._keeps_weights and not self.started:
            self.started = weights_of(run)

    @staticmethod
    def _cut(kept: dict[int, Any], last: int) -> None:
        for number in [number for number in kept if number > last]:
            del kept[number]

    def on_batch_start(self, run: RunView) -> None:
        """Keep the weights."""
        if self._keeps_weights:
            self.before[run.step] = weights_of(run)

    def on_batch_end(self, run: RunView) -> None:
        """Keep rates, values and weights."""
        self.rates[run.step] = dict(run.lr)
        self.values[run.step] = {name: run.batch_metrics[name] for name in run.batch_metrics}
        if self._keeps_weights:
            self.after[run.step] = weights_of(run)

    def on_train_epoch_end(self, run: RunView) -> None:
        """Keep the weights."""
        if self._keeps_weights:
            self.trained[run.epoch] = weights_of(run)

    def on_val_batch_start(self, run: RunView) -> None:
        """Keep the weights."""
        if self._keeps_weights and run.batch == 0:
            self.validating[run.epoch] = self._validated(run)

    def on_fit_epoch_end(self, run: RunView) -> None:
        """Keep the metrics."""
        self.metrics[run.epoch] = {name: run.metrics[name] for name in run.metrics}

    def on_train_end(self, run: RunView) -> None:
        """Keep the reason."""
        self.reason = run.reason

    def on_checkpoint(self, run: RunView, checkpoint: CheckpointView) -> None:
        """Keep it."""
        self.checkpoints.append(checkpoint)

    def on_alert(self, run: RunView, alert: Alert) -> None:
        """Keep it."""
        self.alerts.append(alert)

    def on_teardown(self, run: RunView) -> None:
        """Keep the last weights."""
        if self._keeps_weights:
            self.ended = weights_of(run)


def weights_of(run: RunView) -> Weights:
    """Return a copy of the weights that are in the model."""
    return {name: run.model.values(tensor).copy() for name, tensor in run.model.capture().items()}


def apart(one: Weights, other: Weights) -> float:
    """Return the largest difference, relative to large weights; infinite if they are not of one model."""
    if not one or one.keys() != other.keys():
        return float("inf")
    return max((_largest(one[name], other[name]) for name in one if one[name].size), default=0.0)


def _largest(one: Any, other: Any) -> float:
    return float((abs(one - other) / (1.0 + abs(other))).max())
