"""Steps take much longer than usual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lineside.alerts.rule import Rule, Source
from lineside.alerts.verdict import SILENT, Verdict
from lineside.language import text
from lineside.options import check_number, check_whole
from lineside.typical import FEWEST, Typical


class SlowStep(Rule):
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
        self.factor, self.window = factor, window
        check_number(self.kind, "factor", factor, least=1.0)
        check_whole(self.kind, "window", window, FEWEST)
        self.start_anew()

    def start_anew(self) -> None:
        """Nothing is usual yet."""
        self._usual = Typical(self.window)

    def judge(self, values: Mapping[str, float]) -> Verdict:
        """Compare the time of a step with its median."""
        seconds = values["seconds"]
        usual = self._usual.median if self._usual.known else None
        if usual is not None and seconds > self.factor * usual > 0.0:
            return Verdict.yes(
                text(f"Steps are slow: {1e3 * seconds:.4g} ms each", f"训练变慢：每步 {1e3 * seconds:.4g} 毫秒"),
                text(
                    f"Usual are {1e3 * usual:.4g} ms. ResourceMonitor tells what holds them up.",
                    f"平常为 {1e3 * usual:.4g} 毫秒。可用 ResourceMonitor 查明瓶颈。",
                ),
            )
        self._usual.add(seconds)
        if usual is None:
            return SILENT
        return Verdict.no(
            text(
                f"Steps take their usual time again: {1e3 * seconds:.4g} ms",
                f"训练速度恢复正常：每步 {1e3 * seconds:.4g} 毫秒",
            )
        )

    def state_dict(self) -> dict[str, Any]:
        """Return what is usual."""
        return {"usual": self._usual.values}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        self._usual = Typical(self.window, state["usual"])
