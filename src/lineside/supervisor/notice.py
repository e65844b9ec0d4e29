"""What a supervisor has to say: as an alert that is sent, and as a line in the terminal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from lineside.language import text
from lineside.supervisor.ending import Ending
from lineside.supervisor.heartbeat import Seen

AUTHOR: Final = "supervisor"
_SHOWN_FRAMES: Final = 4
_LONGEST_REASON: Final = 500
"""Characters of the error that a run wrote down."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person should know; the fields are those of `lineside.ports.Alert`."""

    title: str
    text: str = ""
    level: str = "error"
    phase: str = "once"

    @property
    def line(self) -> str:
        """As one line."""
        return f"{self.title}: {self.text}" if self.text else self.title

    def document(self) -> dict[str, Any]:
        """Return it as ``lineside deliver --record-stdin`` takes it."""
        return asdict(self) | {"author": AUTHOR}


def died(what: str, ending: Ending, reason: str | None, then: str) -> Notice:
    """Tell of a death.

    Args:
        what: the run's name, or the command's.
        ending: how its process ended.
        reason: the error that the run wrote down.
        then: what happens now.
    """
    cause = (reason or "").rstrip(" .:")[:_LONGEST_REASON]
    parts = [part for part in (ending.sentence(), cause, then) if part]
    return Notice(text(f"{what} died", f"{what} 已终止"), text("; ", "；").join(parts))


def again(what: str, attempt: int, of: int) -> Notice:
    """Tell that it was started again."""
    words = text(f"restart {attempt} of {of}", f"第 {attempt} 次重启，共 {of} 次")
    return Notice(text(f"{what} was started again", f"{what} 已重新启动"), words, "warning", "end")


def stalled(what: str, seen: Seen) -> Notice:
    """Tell that nothing moves."""
    lasting = span(seen.seconds)
    if seen.state == "silent":
        words = text(
            f"its process has not been heard of for {lasting}: stopped, or its disk hangs",
            f"进程已 {lasting} 没有心跳：被暂停，或磁盘无响应",
        )
    else:
        words = text(
            f"its process lives, and its training has not moved for {lasting} (stage {seen.stage})",
            f"进程仍在，但训练已 {lasting} 没有进展（阶段 {seen.stage}）",
        )
        if seen.at:
            words += text("; it stands at ", "；停在 ") + " < ".join(seen.at[:_SHOWN_FRAMES])
    return Notice(text(f"{what} stalls", f"{what} 停滞"), words, "error", "begin")


def moves_again(what: str) -> Notice:
    """Tell that a stall is over."""
    return Notice(text(f"{what} goes on", f"{what} 恢复进展"), text("it moves again", "训练继续"), "warning", "end")


def disk_full(where: str, left: int) -> Notice:
    """Tell that there is no room."""
    words = text(
        f"{left / 1e9:.2f} GB are left at {where}: checkpoints and records will fail",
        f"{where} 仅剩 {left / 1e9:.2f} GB：检查点和记录将无法写入",
    )
    return Notice(text("The disk is full", "磁盘已满"), words, "error", "begin")


def disk_has_room(where: str, left: int) -> Notice:
    """Tell that there is room again."""
    words = text(f"{left / 1e9:.2f} GB at {where}", f"{where} 剩余 {left / 1e9:.2f} GB")
    return Notice(text("The disk has room again", "磁盘空间已恢复"), words, "warning", "end")


def span(seconds: float) -> str:
    """Return a time that passed, in one unit."""
    for size, en, zh in ((3600.0, "h", "小时"), (60.0, "min", "分钟")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {text(en, zh)}"
    return f"{seconds:.0f} {text('s', '秒')}"
