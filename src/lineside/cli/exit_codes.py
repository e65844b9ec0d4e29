"""The exit codes of all commands."""

from __future__ import annotations

from enum import IntEnum

from lineside.language import text


class ExitCode(IntEnum):
    """How a command ended. Signals end it with 128 + their number, as shells have it."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INTERRUPTED = 130


def meanings() -> str:
    """Return what the codes mean, for ``--help``."""
    return text(
        "Exit codes: 0 done; 1 it failed, and the message says why; 2 wrong usage; 130 interrupted by Ctrl-C.",
        "退出码：0 完成；1 失败，信息中说明原因；2 用法错误；130 被 Ctrl-C 中断。",
    )
