"""The loss is far above its rolling median."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from lineside.alerts.unusual import Unusual
from lineside.alerts.verdict import SILENT, Verdict, unclear
from lineside.language import text


class LossSpike(Unusual):
    """A loss of the batches is more than `factor` times its usual spread above its median.

    Usual are the last `window` losses that were no spikes; see `lineside.typical.Typical.spikes`.

    Args:
        monitor: a metric of the training batches.
        factor: how many times the spread is a spike.
        window: looks that are usual; before the tenth nothing spikes.

    Raises:
        OptionError: a number is out of range.
    """

    kind: ClassVar[str] = "loss-spike"
    every: ClassVar[str | None] = "10 steps"

    def __init__(self, monitor: str = "train/loss", factor: float = 10.0, window: int = 50) -> None:
        self.reads = (monitor,)
        self.monitor = monitor
        super().__init__(factor, window)

    def judge(self, values: Mapping[str, float]) -> Verdict:
        """Compare with what is usual, and take it for usual if it is no spike."""
        value = values[self.monitor]
        if not math.isfinite(value):
            return unclear(self, values)
        if self.usual.spikes(value, self.factor):
            usual = f"{self.usual.median:.4g} ± {self.usual.spread:.2g}"
            return Verdict.yes(
                text(f"{self.monitor} spikes: {value:.4g}", f"{self.monitor} 突增：{value:.4g}"),
                text(f"Usual is {usual}.", f"平常为 {usual}。"),
            )
        known = self.usual.known
        self.usual.add(value)
        if not known:
            return SILENT
        return Verdict.no(text(f"{self.monitor} is usual again: {value:.4g}", f"{self.monitor} 恢复正常：{value:.4g}"))
