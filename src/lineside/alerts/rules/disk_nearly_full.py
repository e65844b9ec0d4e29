"""The disk on which the run lies is nearly full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from lineside.alerts.rule import Rule, Source
from lineside.alerts.verdict import Verdict
from lineside.language import text
from lineside.options import check_number


class DiskNearlyFull(Rule):
    """Less than `below_gib` is free on the filesystem of the run's directory.

    Args:
        below_gib: GiB that are too few.

    Raises:
        OptionError: the number is negative.
    """

    kind: ClassVar[str] = "disk-nearly-full"
    source: ClassVar[Source] = "disk"
    every: ClassVar[str | None] = "30 s"

    def __init__(self, below_gib: float = 5.0) -> None:
        self.below_gib = below_gib
        check_number(self.kind, "below_gib", below_gib, least=0.0)

    def judge(self, values: Mapping[str, float]) -> Verdict:
        """Compare what is free."""
        free = values["free_gib"]
        if free < self.below_gib:
            return Verdict.yes(
                text(f"The disk is nearly full: {free:.3g} GiB free", f"磁盘即将写满：剩余 {free:.3g} GiB"),
                text("The next checkpoint may fail. Make room.", "下一个检查点可能无法保存，请清理空间。"),
            )
        return Verdict.no(text(f"The disk has room again: {free:.3g} GiB free", f"磁盘空间已恢复：剩余 {free:.3g} GiB"))
