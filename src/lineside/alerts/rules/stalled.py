"""The training does not move."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from lineside.alerts.rule import Rule, Source
from lineside.alerts.verdict import Verdict
from lineside.errors import OptionError
from lineside.language import text
from lineside.ports import Level
from lineside.units import Duration


class Stalled(Rule):
    """No batch, of training or of validation, has ended for a while; pauses do not count.

    It is told by a thread of the training's own process. A process that is stopped or dead tells nothing: that is what
    ``lineside run`` and ``lineside watch`` are for.

    Args:
        after: how long is too long; more than a batch, a save or a compilation takes.

    Raises:
        OptionError: `after` is not a time.
    """

    kind: ClassVar[str] = "stalled"
    source: ClassVar[Source] = "progress"
    level: ClassVar[Level] = "error"
    every: ClassVar[str | None] = "5 s"

    def __init__(self, after: str | timedelta | Duration = "10 min") -> None:
        self.after = Duration.parse(after, f"{self.kind}: after")
        if self.after.unit != "seconds":
            raise OptionError(f"{self.kind}: after='{self.after}' must be a time, such as '10 min'.")

    def judge(self, values: Mapping[str, float]) -> Verdict:
        """Compare how long nothing has happened."""
        seconds = values["seconds"]
        if seconds >= self.after.amount:
            return Verdict.yes(
                text(f"The training stands still for {seconds:.0f} s", f"训练已停滞 {seconds:.0f} 秒"),
                text(
                    "No batch has ended. A data loader, a collective or a callback may hang.",
                    "没有完成任何批次。数据加载、集合通信或回调可能已卡住。",
                ),
            )
        return Verdict.no(text("The training moves again", "训练恢复进行"))
