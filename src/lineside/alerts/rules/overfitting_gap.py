"""Validation is much worse than training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from lineside.alerts.rule import Rule
from lineside.alerts.verdict import SILENT, Verdict, unclear
from lineside.errors import OptionError
from lineside.language import text
from lineside.monitor import Mode, direction
from lineside.options import check_number, check_whole


class OverfittingGap(Rule):
    """The metric of validation is worse than that of training by more than `gap`, `patience` values in a row.

    Args:
        train: the metric of training, as a mean over the epoch.
        val: the same of validation.
        gap: share of the training value: 0.5 is 50 %.
        patience: values in a row after which it is so.
        mode: which way is better: ``"min"``, ``"max"``, or ``"auto"`` for names of losses, errors and scores.

    Raises:
        OptionError: a number is out of range, both metrics are the same, or the mode cannot be told.
    """

    kind: ClassVar[str] = "overfitting-gap"

    def __init__(
        self,
        train: str = "train/loss",
        val: str = "val/loss",
        gap: float = 0.5,
        patience: int = 3,
        mode: Mode = "auto",
    ) -> None:
        self.train, self.val, self.gap, self.patience, self.mode = train, val, gap, patience, mode
        self.reads = (train, val)
        if train == val:
            raise OptionError(f"{self.kind}: train and val are both {val!r}; a gap is between two metrics.")
        check_number(self.kind, "gap", gap, least=0.0)
        check_whole(self.kind, "patience", patience, 1)
        self._sign = 1.0 if direction(val, mode) == "min" else -1.0
        self.start_anew()

    def start_anew(self) -> None:
        """There was no gap yet."""
        self._wide = 0

    def judge(self, values: Mapping[str, float]) -> Verdict:
        """Count gaps."""
        train, val = values[self.train], values[self.val]
        if not (math.isfinite(train) and math.isfinite(val)):
            return unclear(self, values)
        self._wide = self._wide + 1 if self._sign * (val - train) > self.gap * abs(train) else 0
        numbers = f"{self.val} {val:.4g}, {self.train} {train:.4g}"
        if self._wide >= self.patience:
            return Verdict.yes(
                text(f"It overfits: {numbers}", f"过拟合：{numbers}"),
                text(
                    f"{self._wide} values in a row lie more than {self.gap:.0%} apart. Stop, regularise, or add data.",
                    f"连续 {self._wide} 次相差超过 {self.gap:.0%}。请停止训练、加强正则化或增加数据。",
                ),
            )
        if self._wide:
            return SILENT
        return Verdict.no(text(f"The gap has closed: {numbers}", f"差距已缩小：{numbers}"))

    def state_dict(self) -> dict[str, Any]:
        """Return how many values in a row lay apart."""
        return {"wide": self._wide}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        self._wide = int(state["wide"])
