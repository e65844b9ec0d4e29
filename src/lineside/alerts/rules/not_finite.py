"""A value is NaN or infinite."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from lineside.alerts.rule import Rule
from lineside.alerts.verdict import Verdict
from lineside.language import text
from lineside.ports import Level


class NotFinite(Rule):
    """A metric, as a rule the loss of the batches, is NaN or infinite.

    Args:
        monitor: the metric.
    """

    kind: ClassVar[str] = "not-finite"
    level: ClassVar[Level] = "error"
    every: ClassVar[str | None] = "10 steps"

    def __init__(self, monitor: str = "train/loss") -> None:
        self.monitor = monitor
        self.reads = (monitor,)

    def judge(self, values: Mapping[str, float]) -> Verdict:
        """Look whether it is a number."""
        value = values[self.monitor]
        if math.isfinite(value):
            return Verdict.no(
                text(f"{self.monitor} is a number again: {value:.4g}", f"{self.monitor} 恢复为数值：{value:.4g}")
            )
        return Verdict.yes(text(f"{self.monitor} is {value}", f"{self.monitor} 为 {value}"))
