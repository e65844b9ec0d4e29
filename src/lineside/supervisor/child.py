"""The process that trains, as its parent sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from lineside.supervisor.signals import Signals
from lineside.supervisor.terminal import Terminal

_TO_THE_GROUP: Final = (signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)
"""What a terminal would send to all processes of a job. Others go to the process alone: the workers of a data loader
must not end before the training has saved."""
_BY_THE_TERMINAL: Final = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
_GRACE: Final = 5.0
"""Seconds that what is left of a dead process's group has to end by itself."""


class Child:
    """A command that runs in a process group of its own, in the foreground if we had it.

    Args:
        command: the program and its arguments.
        environment: its variables.
        terminal: lent to it.

    Raises:
        OSError: the program does not start.

    Attributes:
        suspended: the terminal has stopped it, as Ctrl-Z does.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], terminal: Terminal) -> None:
        self._terminal = terminal
        self.suspended = False
        in_front = terminal.in_front

        def prepare() -> None:
            if in_front:  # here, too: it may read before its parent runs again
                terminal.lend(os.getpid())
            Signals.forget_in_child()

        self._process = subprocess.Popen(  # noqa: S603 - the command is what we are here for
            command,
            env=dict(environment),
            process_group=0,
            preexec_fn=prepare,  # noqa: PLW1509 - we have one thread
        )
        if in_front:
            terminal.lend(self.pid)

    @property
    def pid(self) -> int:
        """The number of the process, and of its group."""
        return self._process.pid

    def ended(self) -> int | None:
        """Return how it ended, a signal as its number below 0; None if it has not. Never waits."""
        while True:
            found, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            if not found:
                return None
            if not os.WIFSTOPPED(status):
                break
            # Who is stopped by SIGSTOP has been stopped by somebody else: that is a stall, and to be told.
            self.suspended = os.WSTOPSIG(status) in _BY_THE_TERMINAL
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._terminal.take_back()
        return self._process.returncode

    def go_on(self) -> None:
        """Continue one that was suspended, in the foreground if we have it again."""
        self.suspended = False
        if self._terminal.in_front:
            self._terminal.lend(self.pid)
        self.pass_on(signal.SIGCONT)

    def pass_on(self, number: signal.Signals) -> None:
        """Send it a signal that was meant for it."""
        with suppress(ProcessLookupError):
            (os.killpg if number in _TO_THE_GROUP else os.kill)(self.pid, number)

    def kill(self) -> None:
        """Kill all processes of its group."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def sweep(self, sleep: Callable[[float], None] = time.sleep) -> None:
        """Wait until nothing of its group is left, and kill what does not end: it may hold a GPU, or a port."""
        deadline = time.monotonic() + _GRACE
        while self._has_group():
            if time.monotonic() >= deadline:
                self.kill()
                return
            sleep(0.05)

    def _has_group(self) -> bool:
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # macOS, of a group with nothing but zombies
            return False
        return True
