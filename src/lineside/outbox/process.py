"""`SenderProcess`: the process beside a run that sends what waits in its outbox."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import IO, Final

from lineside.outbox.sending import Order

_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 60.0
"""Seconds between the death of a sender and the start of the next; they double from the first to the longest."""
_GRACE: Final = 0.2
"""Seconds by which a sender ends before it is killed."""
_SOUND: Final = 30.0
"""Seconds after which a sender is taken for one that works, so that the next death begins a new count."""


class SenderProcess:
    """Starts a sender when it is wanted, starts another when it dies, and ends it with the run.

    `want` may be called from any thread; the others by one thread, such as the poller of a run, or one after the other.

    Args:
        order: what the sender is told.
        notice: called with what the sender wants people to know, on a thread of this object.
        clock: monotonic seconds.
    """

    def __init__(self, order: Order, notice: Callable[[str], None], clock: Callable[[], float] = monotonic) -> None:
        self._order = order
        self._notice = notice
        self._clock = clock
        self._wanted = self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._started = self._not_before = 0.0
        self._wait = _FIRST_WAIT
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Number of the process; None while there is none."""
        return None if self._process is None else self._process.pid

    def want(self) -> None:
        """Say that there is something to send; returns at once."""
        self._wanted = True

    def look(self) -> None:
        """Start a sender if one is wanted and there is none; called a few times a second."""
        with self._lock:
            self._look()

    def _look(self) -> None:
        process = self._process
        if process is not None and process.poll() is not None:
            self._bury(process)
            self._process = None
            lived = self._clock() - self._started
            self._wait = _FIRST_WAIT if lived > _SOUND else min(_LONGEST_WAIT, 2 * self._wait)
            self._not_before = self._clock() + self._wait
        if self._process is None and self._wanted and not self._closed and self._clock() >= self._not_before:
            self._start()

    def _start(self) -> None:
        code = f"import sys; sys.path[:] = {sys.path!r}; import lineside.outbox.sending as s; s.serve({os.getpid()})"
        self._started = self._clock()
        try:
            # Out of reach of the terminal's Ctrl-C. It is the head of a group, its workers belong to it.
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            self._not_before = self._clock() + _LONGEST_WAIT
            self._notice(f"The process that sends alerts does not start: {error}.")
            return
        threading.Thread(target=self._hear, args=(self._process.stdout,), name="lineside-sender", daemon=True).start()
        self._tell(self._order.to_line())

    def _hear(self, notices: IO[bytes]) -> None:
        with suppress(ValueError, OSError), notices:
            for line in notices:
                self._notice(line.decode(errors="replace").strip())

    def _tell(self, line: bytes) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.write(line)
                self._process.stdin.flush()

    def close(self, seconds: float) -> bool:
        """Let the sender try once more what waits, and end it; after some seconds it is killed with its workers.

        Returns:
            Whether it ended by itself, or never ran.
        """
        deadline = self._clock() + seconds
        with self._lock:
            self._not_before = 0.0
            self._look()
            self._closed = True
            process = self._process
        if process is None:
            return True
        self._tell(f"finish {max(0.0, deadline - self._clock() - _GRACE)}\n".encode())
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - self._clock()))
        ended = process.poll() is not None
        self._bury(process)
        return ended

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        """End what is left of the group, and clear up."""
        if process.poll() is None and hasattr(os, "killpg"):
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
