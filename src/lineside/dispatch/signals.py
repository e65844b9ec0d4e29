"""SIGTERM and SIGINT become requests; a second SIGINT raises KeyboardInterrupt at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class SignalGuard:
    """Handles signals while a run is open; only in the main thread, as Python allows it nowhere else.

    Args:
        interrupt: called with the signal; must do no more than append to a queue.
    """

    def __init__(self, interrupt: Callable[[signal.Signals], None]) -> None:
        self._interrupt = interrupt
        self._pid = os.getpid()
        self._previous: dict[signal.Signals, Any] = {}
        self._received: set[signal.Signals] = set()

    def install(self) -> bool:
        """Take over the signals; False if this is not the main thread. A handler of the user's own is left alone."""
        if threading.current_thread() is not threading.main_thread():
            return False
        for number in SIGNALS:
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                self._previous[number] = signal.signal(number, self._handle)
        return True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        received = signal.Signals(number)
        if os.getpid() != self._pid:
            self._handle_in_worker(received)
            return
        if received in self._received and received is signal.SIGINT:
            raise KeyboardInterrupt
        self._received.add(received)
        self._interrupt(received)

    def _handle_in_worker(self, received: signal.Signals) -> None:
        """Ignore SIGINT in a forked process, and let SIGTERM end it.

        Ctrl-C signals the whole process group, and the training process still needs its workers to reach a safe point.
        SIGTERM is what `multiprocessing` sends, once, to a process whose end it then waits for.
        """
        if received is signal.SIGTERM:
            signal.signal(received, signal.SIG_DFL)
            os.kill(os.getpid(), received)

    def restore(self) -> None:
        """Put the former handlers back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()
