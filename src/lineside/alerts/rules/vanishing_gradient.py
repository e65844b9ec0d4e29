"""The gradient is as good as zero."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from lineside.alerts.rule import Rule, Source
from lineside.alerts.verdict import SILENT, Verdict
from lineside.language import text
from lineside.options import check_number, check_whole


class VanishingGradient(Rule):
    """The L2 norm of all gradients is at most `below`, `patience` looks in a row.

    Which layer it is, GradientWatch tells.

    Args:
        below: the norm that is too little.
        patience: looks in a row after which it is so.

    Raises:
        OptionError: a number is out of range.
    """

    kind: ClassVar[str] = "vanishing-gradient"
    source: ClassVar[Source] = "gradients"
    every: ClassVar[str | None] = "50 steps"

    def __init__(self, below: float = 1e-7, patience: int = 3) -> None:
        self.below, self.patience = below, patience
        check_number(self.kind, "below", below, least=0.0)
        check_whole(self.kind, "patience", patience, 1)
        self.start_anew()

    def start_anew(self) -> None:
        """Nothing was faint yet."""
        self._faint = 0

    def judge(self, values: Mapping[str, float]) -> Verdict:
        """Count faint looks."""
        norm = values["norm"]
        if not math.isfinite(norm):
            return SILENT
        self._faint = self._faint + 1 if norm <= self.below else 0
        if self._faint >= self.patience:
            return Verdict.yes(
                text(f"The gradient vanishes: norm {norm:.3g}", f"梯度消失：范数 {norm:.3g}"),
                text(
                    "Hardly anything is learnt. Look at initialisation, normalisation, activations and the loss.",
                    "模型几乎没有在学习。请检查初始化、归一化、激活函数和损失函数。",
                ),
            )
        if self._faint:
            return SILENT
        return Verdict.no(text(f"The gradient is back: norm {norm:.3g}", f"梯度已恢复：范数 {norm:.3g}"))

    def state_dict(self) -> dict[str, Any]:
        """Return how many looks in a row were faint."""
        return {"faint": self._faint}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        self._faint = int(state["faint"])
