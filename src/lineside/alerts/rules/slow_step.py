"""Steps take much longer than usual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from lineside.alerts.rule import Source
from lineside.alerts.unusual import Unusual
from lineside.alerts.verdict import SILENT, Verdict
from lineside.language import text


class SlowStep(Unusual):
    """A step takes more than `factor` times its median of the last `window` looks.

    The time between two looks within an epoch counts, by the training's own clock: waiting for data is part of it,
    validations, saves and pauses are not.

    Args:
        factor: how many times the median is too much.
        window: looks that the median is taken of; there is none before the tenth.

    Raises:
        OptionError: a number is out of range.
    """

    kind: ClassVar[str] = "slow-step"
    source: ClassVar[Source] = "pace"
    every: ClassVar[str | None] = "10 steps"

    def __init__(self, factor: float = 3.0, window: int = 50) -> None:
        super().__init__(factor, window)

    def judge(self, values: Mapping[str, float]) -> Verdict:
        """Compare the time of a step with its median."""
        seconds = values["seconds"]
        usual = self.usual.median if self.usual.known else None
        if usual is not None and seconds > self.factor * usual > 0.0:
            return Verdict.yes(
                text(f"Steps are slow: {1e3 * seconds:.4g} ms each", f"训练变慢：每步 {1e3 * seconds:.4g} 毫秒"),
                text(
                    f"Usual are {1e3 * usual:.4g} ms. ResourceMonitor tells what holds them up.",
                    f"平常为 {1e3 * usual:.4g} 毫秒。可用 ResourceMonitor 查明瓶颈。",
                ),
            )
        self.usual.add(seconds)
        if usual is None:
            return SILENT
        return Verdict.no(
            text(
                f"Steps take their usual time again: {1e3 * seconds:.4g} ms",
                f"训练速度恢复正常：每步 {1e3 * seconds:.4g} 毫秒",
            )
        )
