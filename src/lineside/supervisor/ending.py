"""How a command ended, and whether that was its own, last word."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Final, Self

from lineside.language import text

_OPERATOR: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
"""Signals by which people and schedulers end a process. What they end stays ended."""
USAGE: Final = 2
NOT_EXECUTABLE: Final = 126
NOT_FOUND: Final = 127
TRY_AGAIN: Final = 75
"""A callback has interrupted the training, which saved: ``EX_TEMPFAIL``, the code of `lineside.run.safe_points`."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended.

    Attributes:
        code: its exit code; of one that a signal killed 128 + the signal, as shells have it.
        out_of_memory: the kernel killed it because memory had run out.
        stalled: it had stalled, and the supervisor ended it.
        seen: whether it was our child, so that the code is its own; else it is made of what the run wrote.
        refusal: why it could not even be started.
    """

    code: int
    out_of_memory: bool = False
    stalled: bool = False
    seen: bool = True
    refusal: str = ""

    @classmethod
    def of_run(cls, status: str, reason: str | None) -> Self:
        """Return what a run tells of a process that is not our child.

        Args:
            status: how the run stands.
            reason: its reason; an interrupted run names the signal.
        """
        code = {"completed": 0, "stopped": 0, "interrupted": TRY_AGAIN}.get(status, 1)
        named = [number for number in _OPERATOR if reason == f"interrupted by {number.name}"]
        return cls(128 + named[0] if named else code, seen=False)

    @property
    def signal(self) -> signal.Signals | None:
        """The signal that ended it; wrappers such as ``sh -c`` tell the same of their children by their exit code."""
        return signal.Signals(self.code - 128) if self.code - 128 in set(signal.Signals) else None

    @property
    def by_operator(self) -> bool:
        """Whether somebody asked it to end: by Ctrl-C, by SIGTERM, by closing the terminal."""
        return self.signal in _OPERATOR and not self.stalled

    def final(self, status: str | None) -> bool:
        """Tell whether starting the command again would be wrong.

        Args:
            status: how its run says that it stands; None if there was no run. A run that was completed or stopped would
                not be gone on with: the command would train a new one.
        """
        if self.by_operator or status in ("completed", "stopped"):
            return True
        return self.code in (0, USAGE, NOT_EXECUTABLE, NOT_FOUND) and not self.stalled

    def sentence(self) -> str:
        """Return how it ended, in words."""
        if self.refusal:
            return text(f"it cannot be started: {self.refusal}", f"无法启动：{self.refusal}")
        if not self.seen:
            return text("its process is gone", "进程已不在")
        if self.stalled:
            return text("it had stalled, and was ended", "已停滞，被终止")
        if self.code == TRY_AGAIN:
            return text("it interrupted itself, to be resumed (exit code 75)", "自行中断，可恢复（退出码 75）")
        number = self.signal
        if number is None:
            return text(f"exit code {self.code}", f"退出码 {self.code}")
        why = text(": memory ran out", "：内存耗尽") if self.out_of_memory else ""
        return text(f"killed by {number.name}", f"被 {number.name} 终止") + why
