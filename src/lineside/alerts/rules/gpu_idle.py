"""A GPU that was asked for does nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from lineside.alerts.rule import Rule, Source
from lineside.alerts.verdict import SILENT, Verdict
from lineside.language import text
from lineside.options import check_number


class GpuIdle(Rule):
    """The utilization of any GPU of this process is below `below_percent`, as a rule for ten minutes.

    Args:
        below_percent: percent that are too few.

    Raises:
        OptionError: the number is not between 0 and 100.
    """

    kind: ClassVar[str] = "gpu-idle"
    source: ClassVar[Source] = "gpu"
    every: ClassVar[str | None] = "30 s"
    for_: ClassVar[str | None] = "10 min"

    def __init__(self, below_percent: float = 5.0) -> None:
        self.below_percent = below_percent
        check_number(self.kind, "below_percent", below_percent, least=0.0, below=100.0)

    def judge(self, values: Mapping[str, float]) -> Verdict:
        """Look for one that idles."""
        if not values:
            return SILENT
        idle = {name: percent for name, percent in values.items() if percent < self.below_percent}
        shown = ", ".join(f"{name} {percent:.0f} %" for name, percent in (idle or values).items())
        if idle:
            return Verdict.yes(
                text(f"A GPU idles: {shown}", f"GPU 空闲：{shown}"),
                text(
                    "The training may wait for data, or hang. ResourceMonitor tells more.",
                    "训练可能在等待数据或已卡住。可用 ResourceMonitor 查明原因。",
                ),
            )
        return Verdict.no(text(f"The GPUs work again: {shown}", f"GPU 恢复工作：{shown}"))
