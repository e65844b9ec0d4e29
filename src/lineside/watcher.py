"""`Watcher`: a callback that decides on each fresh value of one metric."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Unpack

from lineside.callback import Callback, CallbackOptions
from lineside.language import text
from lineside.metrics import MetricPoint
from lineside.monitor import Mode, Monitor
from lineside.ports import RunView


class Watcher(Callback):
    """Calls `decide` once for every value that its metric takes, in whatever hook of the host that value appears.

    A subclass defines `decide`, keeps its own counters, and extends ``on_setup``, `state_dict` and `load_state_dict`
    for them.

    Args:
        monitor: the metric, by canonical name or alias; None to watch nothing.
        mode: which way is better: ``"min"``, ``"max"``, or ``"auto"`` for names of losses, errors and scores.
        options: the common ones of all callbacks.

    Attributes:
        start_from_epoch: values computed in earlier epochs are passed over.

    Raises:
        OptionError: the mode is unknown, or ``"auto"`` cannot tell.
    """

    start_from_epoch: int = 0

    def __init__(self, monitor: str | None, mode: Mode = "auto", **options: Unpack[CallbackOptions]) -> None:
        self.monitor = monitor
        self.mode = mode
        self.watched = Monitor(monitor, mode) if monitor is not None else None
        self._validated = False
        self._was_finite = True
        super().__init__(**options)

    def decide(self, run: RunView, point: MetricPoint) -> None:
        """Act on a fresh value; it may be NaN or infinite."""
        raise NotImplementedError(f"{type(self).__name__} must define decide(run, point)")

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit."""
        self._validated = False
        self._was_finite = True
        if self.watched is not None:
            self.watched.reset()

    def on_train_start(self, run: RunView) -> None:
        """Refuse to watch a validation that will not happen.

        Raises:
            MonitorError: saying what to do instead.
        """
        if self.watched is not None:
            self.watched.check_start(run, self.name)

    def on_val_end(self, run: RunView) -> None:
        """Look at what the validation gave."""
        self._validated = True
        self._look(run)

    def on_fit_epoch_end(self, run: RunView) -> None:
        """Look again, for values that came later: from the host, or from another callback's ``on_epoch_end``.

        Raises:
            MonitorError: the metric should be there by now, and is not.
        """
        self._look(run)
        due = self.watched is not None and (self._validated or not self.watched.of_validation)
        if self.watched is not None and due and run.epoch >= self.start_from_epoch:
            self.watched.check_published(run, self.name)

    def on_train_end(self, run: RunView) -> None:
        """Say so if the metric never came: only now is it clear that a loop of its own has no validation."""
        if self.watched is not None and run.epochs_done and run.metrics.resolve(self.watched.metric) is None:
            run.alert(
                text(f"{self.name} never saw {self.monitor}", f"{self.name} 从未得到 {self.monitor}"),
                text("Nobody published it in the whole training.", "整个训练过程中没有人发布过它。"),
            )

    def _look(self, run: RunView) -> None:
        point = self.watched.fresh(run) if self.watched is not None else None
        if point is not None and point.epoch >= self.start_from_epoch:
            self.decide(run, point)
            self._was_finite = math.isfinite(point.value)

    def warn_if_not_finite(self, run: RunView, point: MetricPoint) -> None:
        """Raise an alert for the first of several values in a row that are NaN or infinite."""
        if self._was_finite and not math.isfinite(point.value):
            run.alert(
                text(f"{self.monitor} is {point.value}", f"{self.monitor} 为 {point.value}"),
                text(
                    f"Epoch {point.epoch + 1}, step {point.step}. {self.name} counts it as no improvement.",
                    f"第 {point.epoch + 1} 轮，第 {point.step} 步。{self.name} 将其计为没有改善。",
                ),
            )

    def state_dict(self) -> dict[str, Any]:
        """Return what was seen of the metric."""
        seen = self.watched.state_dict() if self.watched is not None else None
        return {"watched": seen, "validated": self._validated, "was_finite": self._was_finite}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        if self.watched is not None and state["watched"] is not None:
            self.watched.load_state_dict(state["watched"])
        self._validated = state["validated"]
        self._was_finite = state["was_finite"]
