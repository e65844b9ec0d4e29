"""Lower the learning rate when a metric no longer improves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from lineside.best import Best
from lineside.callback import CallbackOptions
from lineside.errors import AttachError, OptionError, nearest
from lineside.language import counted, text
from lineside.metrics import MetricPoint
from lineside.monitor import Mode, direction
from lineside.options import check_number, check_whole
from lineside.ports import Capability, RunView
from lineside.watcher import Watcher


class ReduceLROnPlateau(Watcher):
    """Multiplies the learning rate by `factor` when a metric has not improved for `patience` values.

    Options bear the names and defaults of Keras (``keras.callbacks.ReduceLROnPlateau``), and `patience` is meant as
    there: torch's scheduler waits for one value more. `cooldown` is meant as in torch: so many values are passed over.

    Args:
        monitor: the metric to watch.
        factor: what a rate is multiplied by, between 0 and 1.
        patience: values in a row without improvement after which to lower the rate.
        min_delta: the gain that counts as an improvement: a number, or a percentage of the best such as ``"1%"``.
        cooldown: values after a reduction that do not use up patience.
        min_lr: no rate is lowered below this.
        mode: ``"min"``, ``"max"`` or ``"auto"``.
        group: the parameter group whose rate is lowered; None for all.
        verbose: tell people of each reduction by an alert of level info. It is recorded in any case.
        options: the common ones of all callbacks.

    Raises:
        OptionError: an option is out of range.
    """

    needs = frozenset[Capability]({"set_lr"})

    def __init__(
        self,
        monitor: str = "val/loss",
        *,
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float | str = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        mode: Mode = "auto",
        group: str | None = None,
        verbose: bool = False,
        **options: Unpack[CallbackOptions],
    ) -> None:
        self.factor = factor
        self.patience = patience
        self.min_delta = min_delta
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.group = group
        self.verbose = verbose
        super().__init__(monitor, mode, **options)
        check_number(self.name, "factor", factor, least=0.0, below=1.0)
        if factor == 0.0:
            raise OptionError(f"{self.name}: factor=0.0 would end all learning; EarlyStopping does that better.")
        check_whole(self.name, "patience", patience, 1)
        check_whole(self.name, "cooldown", cooldown, 0)
        check_number(self.name, "min_lr", min_lr, least=0.0)
        self._direction = direction(monitor, mode)
        self._start_anew()

    def _start_anew(self) -> None:
        self._best = Best(self._direction, self.min_delta)
        self._wait = self._cooling = 0

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit."""
        super().on_setup(run)
        self._start_anew()

    def on_train_start(self, run: RunView) -> None:
        """Refuse a parameter group that is not there.

        Raises:
            AttachError: listing the groups that there are.
        """
        super().on_train_start(run)
        if self.group is not None and self.group not in run.lr:
            raise AttachError(
                f"{self.name}: group={self.group!r} is no parameter group of this run.{nearest(self.group, run.lr)} "
                f"There is: {', '.join(run.lr)}."
            )

    def decide(self, run: RunView, point: MetricPoint) -> None:
        """Count, and lower the rate when it is time."""
        self._wait = 0 if self._best.improved(point.value) else self._wait + 1
        self.warn_if_not_finite(run, point)
        if self._cooling:
            self._cooling -= 1
            self._wait = 0
        if self._wait >= self.patience:
            self._lower(run)
            self._cooling = self.cooldown
            self._wait = 0

    def _lower(self, run: RunView) -> None:
        reason = text(
            f"{self.monitor} has not improved for {counted(self.patience, 'value')}",
            f"{self.monitor} 连续 {self.patience} 次没有改善",
        )
        lowered = []
        for group, rate in run.lr.items():
            new = max(rate * self.factor, self.min_lr)
            if self.group in {None, group} and new < rate:
                run.set_lr(new, group, reason)
                lowered.append(f"{group}: {rate:g} → {new:g}")
        if lowered and self.verbose:
            run.alert(
                text("Learning rate lowered", "学习率已降低"), f"{reason}: {', '.join(lowered)}", "info", durable=False
            )

    def state_dict(self) -> dict[str, Any]:
        """Return the best value, and how long ago it was."""
        return super().state_dict() | {"best": self._best.value, "wait": self._wait, "cooling": self._cooling}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back; options are not part of it, so that a resumed run may have others."""
        super().load_state_dict(state)
        self._best.value = state["best"]
        self._wait, self._cooling = state["wait"], state["cooling"]
