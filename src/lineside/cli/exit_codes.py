"""The exit codes of all commands."""

from __future__ import annotations

from enum import IntEnum

from lineside.language import text


class ExitCode(IntEnum):
    """How a command ended. Signals end it with 128 + their number, as shells have it."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    """The run refused what was asked of it, or is over."""
    UNANSWERED = 4
    """The run did not answer in time, or deliveries still wait in its outbox; both may come later."""
    TRY_AGAIN = 75
    """A callback interrupted the training, which saved and can go on: ``EX_TEMPFAIL`` of ``sysexits.h``."""
    INTERRUPTED = 130
    TERMINATED = 143


def meanings() -> str:
    """Return what the codes mean, for ``--help``."""
    return text(
        "Exit codes: 0 done; 1 failed, the message says why; 2 wrong usage or configuration; 3 the run refused; "
        "4 no answer in time, or not all is delivered; 75 interrupted by a callback, resume it; 130 Ctrl-C; "
        "143 SIGTERM.",
        "退出码：0 完成；1 失败，信息中说明原因；2 用法或配置有误；3 被训练拒绝；4 未及时答复或未全部送达；"
        "75 被回调中断，可恢复；130 Ctrl-C；143 SIGTERM。",
    )
