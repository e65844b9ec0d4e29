"""Signals as things that a loop waits for, so that no handler does more than wake it."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType, TracebackType
from typing import Any, Final, Self

PASSED_ON: Final = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
    signal.SIGTSTP,
    signal.SIGCONT,
)
_OF_THE_TERMINAL: Final = (signal.SIGTTOU, signal.SIGTTIN)
"""Sent to a process in the background that writes to the terminal, or hands it on; ignored, since we do both."""


class Signals:
    """Takes the signals over while it is open. One that was ignored, as under ``nohup``, stays so."""

    def __init__(self) -> None:
        self._previous: dict[signal.Signals, Any] = {}
        self._reading = self._writing = -1

    def __enter__(self) -> Self:
        self._reading, self._writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else _pipe()
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        for number in (*PASSED_ON, signal.SIGCHLD):
            if signal.getsignal(number) is not signal.SIG_IGN or number is signal.SIGCHLD:
                self._previous[number] = signal.signal(number, _wake)
        for number in _OF_THE_TERMINAL:
            self._previous[number] = signal.signal(number, signal.SIG_IGN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        os.close(self._reading)
        os.close(self._writing)

    def wait(self, seconds: float) -> list[signal.Signals]:
        """Wait for signals, or until the time is up; return those to be passed on. A child's change ends the wait."""
        ready, _, _ = select.select([self._reading], [], [], max(0.0, seconds))
        came = os.read(self._reading, 512) if ready else b""
        return [signal.Signals(number) for number in dict.fromkeys(came) if number in PASSED_ON]

    def suspend(self) -> None:
        """Stop this process and its group, as Ctrl-Z does, until somebody continues it."""
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.killpg(os.getpgrp(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, _wake)

    @staticmethod
    def forget_in_child() -> None:
        """Put back, in a child that is about to become another program, what it would inherit."""
        for number in _OF_THE_TERMINAL:
            signal.signal(number, signal.SIG_DFL)


def _wake(number: int, frame: FrameType | None) -> None:
    """Do nothing: that the signal came is written into the pipe by the interpreter."""


def _pipe() -> tuple[int, int]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    return reading, writing
