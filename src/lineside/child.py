"""What every process that stands beside a training does first: keep out of its way, and end with it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import IO, Final

_NICENESS: Final = 10
_LOOK: Final = 0.5
"""Seconds between two looks whether the parent is still there."""


def be_quiet() -> None:
    """Give way to the training, and leave signals to it.

    A signal to the whole group is the parent's to answer: it may want something done after that.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_NICENESS)


def private_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Take stdin and stdout for ourselves: what is printed from now on goes to stderr, what is read is empty."""
    jobs, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return jobs, answers


def is_gone(parent: int) -> bool:
    """Tell whether the process that started this one is gone; on Windows nobody can."""
    return sys.platform != "win32" and os.getppid() != parent


def leave_with(parent: int, grace: float) -> None:
    """End this process `grace` seconds after its parent.

    Also if it hangs, or if a forked worker of the parent still holds the other end of stdin.
    """

    def look() -> None:
        while not is_gone(parent):
            time.sleep(_LOOK)
        time.sleep(grace)
        os._exit(1)

    if sys.platform != "win32":
        threading.Thread(target=look, name="lineside-parent", daemon=True).start()
