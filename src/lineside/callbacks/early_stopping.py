"""Stop when a metric no longer improves, and put the best weights back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Unpack

from lineside.best import Best
from lineside.callback import CallbackOptions
from lineside.errors import OptionError
from lineside.language import counted, text
from lineside.metrics import MetricPoint
from lineside.monitor import Mode, direction
from lineside.options import check_number, check_whole
from lineside.ports import RunView
from lineside.watcher import Watcher
from lineside.weights import RAW


class EarlyStopping(Watcher):
    """Ends the training when a metric has not improved for `patience` values, and says in words why.

    Options bear the names that they have in Keras (``keras.callbacks.EarlyStopping``) and Lightning
    (``lightning.pytorch.callbacks.EarlyStopping``). Patience counts fresh values of the metric, not epochs.

    Args:
        monitor: the metric to watch.
        patience: values in a row without improvement after which to stop.
        min_delta: the gain that counts as an improvement: a number, or a percentage of the best such as ``"1%"``.
        mode: ``"min"``, ``"max"`` or ``"auto"``.
        baseline: a value that has to be beaten as well; values that do not beat it use up patience.
        start_from_epoch: epochs (counted from 0) before this one are not looked at.
        restore_best_weights: put the weights with the best value back at the end. They are kept by a pin of their own,
            whatever the retention of other checkpoints is.
        stopping_threshold: stop as soon as a value is as good as this.
        divergence_threshold: stop as soon as a value is worse than this.
        check_finite: stop when a value is NaN or infinite. If False such a value uses up patience, with an alert.
        options: the common ones of all callbacks.

    Attributes:
        best: the best value so far, or None.

    Raises:
        OptionError: an option is out of range, or ``restore_best_weights`` is asked of a background callback, which
            cannot save the weights of the moment.
    """

    def __init__(
        self,
        monitor: str = "val/loss",
        *,
        patience: int = 15,
        min_delta: float | str = 0.0,
        mode: Mode = "auto",
        baseline: float | None = None,
        start_from_epoch: int = 0,
        restore_best_weights: bool = False,
        stopping_threshold: float | None = None,
        divergence_threshold: float | None = None,
        check_finite: bool = True,
        **options: Unpack[CallbackOptions],
    ) -> None:
        self.patience = patience
        self.min_delta = min_delta
        self.baseline = baseline
        self.start_from_epoch = start_from_epoch
        self.restore_best_weights = restore_best_weights
        self.stopping_threshold = stopping_threshold
        self.divergence_threshold = divergence_threshold
        self.check_finite = check_finite
        super().__init__(monitor, mode, **options)
        if restore_best_weights:
            self.needs = frozenset({"restore"})
        check_whole(self.name, "patience", patience, 1)
        check_whole(self.name, "start_from_epoch", start_from_epoch, 0)
        for option in ("baseline", "stopping_threshold", "divergence_threshold"):
            if (value := getattr(self, option)) is not None:
                check_number(self.name, option, value)
        self._direction = direction(monitor, mode)
        self._start_anew()

    def _start_anew(self) -> None:
        self._best = Best(self._direction, self.min_delta)
        self._best_epoch = self._best_step = -1
        self._wait = 0

    @property
    def best(self) -> float | None:
        """The best value so far; None before the first finite one."""
        return self._best.value

    def check_options(self) -> None:
        """Check the common options, and that the best weights can be saved when they are there."""
        super().check_options()
        if self.background and self.restore_best_weights:
            raise OptionError(
                f"{self.name}: restore_best_weights=True saves the weights of this very moment, which background=True "
                "is too late for. Leave out one of the two."
            )

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit."""
        super().on_setup(run)
        self._start_anew()

    def decide(self, run: RunView, point: MetricPoint) -> None:
        """Stop, wait, or note a new best."""
        if self._best.improved(point.value):
            self._best_epoch, self._best_step = point.epoch, point.step
            self._wait = 0 if self._beats_baseline(point.value) else self._wait + 1
            if self.restore_best_weights:
                reason = text(f"{self.monitor} improved to {point.value:g}", f"{self.monitor} 改善为 {point.value:g}")
                run.save(tag=self.name, reason=reason, pin=self.name, weights_only=True)
        else:
            self._wait += 1
        end = self._reason_to_stop(point)
        if end is not None:
            run.stop(end)
        else:
            self.warn_if_not_finite(run, point)

    def _beats_baseline(self, value: float) -> bool:
        return self.baseline is None or self._best.beats(value, self.baseline)

    def _reason_to_stop(self, point: MetricPoint) -> str | None:
        value = f"{self.monitor} = {point.value:g}"
        where = text(f"in epoch {point.epoch + 1}", f"（第 {point.epoch + 1} 轮）")
        if self.check_finite and not math.isfinite(point.value):
            return text(f"{self.monitor} is {point.value} {where}", f"{self.monitor} 为 {point.value}{where}")
        if self._is_worse(point.value, self.divergence_threshold):
            limit = f"divergence_threshold = {self.divergence_threshold:g}"
            return text(f"{value} {where} is worse than {limit}", f"{value}{where}，差于 {limit}")
        if self._reaches(point.value, self.stopping_threshold):
            limit = f"stopping_threshold = {self.stopping_threshold:g}"
            return text(f"{value} {where} has reached {limit}", f"{value}{where}，已达到 {limit}")
        return self._out_of_patience() if self._wait >= self.patience else None

    def _is_worse(self, value: float, threshold: float | None) -> bool:
        if threshold is None:
            return False
        return value > threshold if self._direction == "min" else value < threshold

    def _reaches(self, value: float, threshold: float | None) -> bool:
        return threshold is not None and not math.isnan(value) and not self._is_worse(value, threshold)

    def _out_of_patience(self) -> str:
        if self.best is None:
            return text(
                f"{self.monitor} gave no finite value in {counted(self._wait, 'value')}",
                f"{self.monitor} 连续 {self._wait} 次没有有限值",
            )
        values = counted(self._wait, "value")
        best = text(f"{self.best:g} of epoch {self._best_epoch + 1}", f"第 {self._best_epoch + 1} 轮的 {self.best:g}")
        if not self._beats_baseline(self.best):
            return text(
                f"{self.monitor} has not beaten baseline = {self.baseline:g} for {values}; best is {best}",
                f"{self.monitor} 连续 {self._wait} 次没有超过基线 {self.baseline:g}，最好的是{best}",
            )
        return text(
            f"{self.monitor} has not improved on {best} for {values}",
            f"{self.monitor} 连续 {self._wait} 次没有超过{best}",
        )

    def on_train_end(self, run: RunView) -> None:
        """Put the best weights back, unless they are those that the model has."""
        super().on_train_end(run)
        others = self._best_step != run.step or run.validated_with != RAW
        if self.restore_best_weights and self.best is not None and others:
            run.restore(
                self.name,
                reason=text(
                    f"the best {self.monitor}, {self.best:g}, was that of epoch {self._best_epoch + 1}",
                    f"最好的 {self.monitor} 是第 {self._best_epoch + 1} 轮的 {self.best:g}",
                ),
                weights_only=True,
            )

    def state_dict(self) -> dict[str, Any]:
        """Return the best value, where it was, and how long ago."""
        return super().state_dict() | {
            "best": self.best,
            "best_epoch": self._best_epoch,
            "best_step": self._best_step,
            "wait": self._wait,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back; options are not part of it, so that a resumed run may have others."""
        super().load_state_dict(state)
        self._best.value = state["best"]
        self._best_epoch, self._best_step = state["best_epoch"], state["best_step"]
        self._wait = state["wait"]
