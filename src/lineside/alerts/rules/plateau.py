"""A metric has stopped improving."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from lineside.alerts.rule import Rule
from lineside.alerts.verdict import SILENT, Verdict, unclear
from lineside.best import Best
from lineside.language import text
from lineside.monitor import Mode, direction
from lineside.options import check_whole


class Plateau(Rule):
    """A metric has not improved for `patience` values.

    Args:
        monitor: the metric.
        patience: values in a row without improvement after which it is so.
        min_delta: the gain that counts as an improvement: a number, or a percentage of the best such as ``"1%"``.
        mode: which way is better: ``"min"``, ``"max"``, or ``"auto"`` for names of losses, errors and scores.

    Raises:
        OptionError: an option is out of range, or the mode cannot be told.
    """

    kind: ClassVar[str] = "plateau"

    def __init__(
        self, monitor: str = "val/loss", patience: int = 10, min_delta: float | str = 0.0, mode: Mode = "auto"
    ) -> None:
        self.monitor, self.patience, self.min_delta, self.mode = monitor, patience, min_delta, mode
        self.reads = (monitor,)
        check_whole(self.kind, "patience", patience, 1)
        self.start_anew()

    def start_anew(self) -> None:
        """Nothing is the best yet."""
        self._best = Best(direction(self.monitor, self.mode), self.min_delta)
        self._wait = 0

    def judge(self, values: Mapping[str, float]) -> Verdict:
        """Count values without improvement."""
        value = values[self.monitor]
        if not math.isfinite(value):
            return unclear(self, values)
        if self._best.improved(value):
            self._wait = 0
            return Verdict.no(text(f"{self.monitor} improves: {value:.4g}", f"{self.monitor} 有改善：{value:.4g}"))
        self._wait += 1
        if self._wait < self.patience:
            return SILENT
        return Verdict.yes(
            text(
                f"{self.monitor} has not improved on {self._best.value:.4g} for {self._wait} values",
                f"{self.monitor} 连续 {self._wait} 次没有超过 {self._best.value:.4g}",
            ),
            text(f"The newest is {value:.4g}.", f"最新值为 {value:.4g}。"),
        )

    def state_dict(self) -> dict[str, Any]:
        """Return the best, and how long ago it was."""
        return {"best": self._best.value, "wait": self._wait}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        self._best.value, self._wait = state["best"], int(state["wait"])
