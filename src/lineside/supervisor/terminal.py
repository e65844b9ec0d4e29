"""The terminal, lent to the process that trains: it is in front, so that Ctrl-C reaches it once, and directly."""

from __future__ import annotations

import os
import termios
from contextlib import suppress
from typing import Any


class Terminal:
    """The controlling terminal of this process; where there is none, nothing happens.

    Job control as shells do it: the trainer gets a process group of its own, and that group the foreground. So keys
    that send signals reach the trainer alone, its bars and prompts work, and a shell that suspends and continues us
    finds the terminal as it left it.
    """

    def __init__(self) -> None:
        self._lent_to = 0
        self._modes: list[Any] | None = None
        try:
            self._descriptor = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            self._descriptor = -1
        else:
            with suppress(termios.error):
                self._modes = termios.tcgetattr(self._descriptor)

    def close(self) -> None:
        """Let go of it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def in_front(self) -> bool:
        """Whether this process's group has the foreground."""
        return self._foreground() == os.getpgrp()

    def lend(self, group: int) -> None:
        """Give the foreground, which must be ours, to a group."""
        with suppress(OSError):
            os.tcsetpgrp(self._descriptor, group)
            self._lent_to = group

    def take_back(self) -> None:
        """Take the foreground back from the group that it was lent to, and put right what a killed one left behind."""
        if self._lent_to and self._foreground() == self._lent_to:
            with suppress(OSError, termios.error):
                os.tcsetpgrp(self._descriptor, os.getpgrp())
                if self._modes is not None:
                    termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._modes)
        self._lent_to = 0

    def _foreground(self) -> int:
        if self._descriptor < 0:
            return -1
        try:
            return os.tcgetpgrp(self._descriptor)
        except OSError:
            return -1
