"""The gradient is far above its rolling median, or no number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from lineside.alerts.rule import Source
from lineside.alerts.unusual import Unusual
from lineside.alerts.verdict import SILENT, Verdict
from lineside.language import text


class ExplodingGradient(Unusual):
    """The L2 norm of all gradients is more than `factor` times its own median of the last `window` looks, or no number.

    Pascanu, Mikolov and Bengio ("On the difficulty of training recurrent neural networks", 2013) clip at half to ten
    times the average. Which layer it is, GradientWatch tells.

    Args:
        factor: how many times the median is too much.
        window: looks that the median is taken of; there is none before the tenth.

    Raises:
        OptionError: a number is out of range.
    """

    kind: ClassVar[str] = "exploding-gradient"
    source: ClassVar[Source] = "gradients"
    every: ClassVar[str | None] = "50 steps"

    def __init__(self, factor: float = 10.0, window: int = 20) -> None:
        super().__init__(factor, window)

    def judge(self, values: Mapping[str, float]) -> Verdict:
        """Compare the norm with its median."""
        norm = values["norm"]
        advice = text("Lower the learning rate, warm it up, or clip.", "请降低学习率、使用预热或裁剪梯度。")
        if not math.isfinite(norm):
            return Verdict.yes(text(f"The gradient norm is {norm}", f"梯度范数为 {norm}"), advice)
        usual = self.usual.median if self.usual.known else None
        self.usual.add(norm)
        if usual is not None and norm > self.factor * usual > 0.0:
            return Verdict.yes(
                text(f"The gradient explodes: norm {norm:.3g}", f"梯度爆炸：范数 {norm:.3g}"),
                text(f"Usual is {usual:.3g}. ", f"平常为 {usual:.3g}。") + advice,
            )
        if usual is None:
            return SILENT
        return Verdict.no(text(f"The gradient norm is usual again: {norm:.3g}", f"梯度范数恢复正常：{norm:.3g}"))
