"""`Sampler`: looks at something at an interval, beside the training."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from weakref import WeakMethod

log = logging.getLogger("lineside")


class Sampler:
    """Calls a method at an interval on a daemon thread, until it is closed or the method's object is gone.

    A call that fails is logged once, and the next one is made all the same.

    Args:
        method: a bound method; its object is not kept alive.
        interval: seconds between two calls.
        name: of the thread.
    """

    def __init__(self, method: Callable[[], None], interval: float, name: str) -> None:
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=_work, args=(WeakMethod(method), interval, self._closing), name=f"lineside-{name}", daemon=True
        )

    def start(self) -> None:
        """Start the thread; the first call comes after the interval."""
        self._thread.start()

    def close(self, timeout: float = 2.0) -> None:
        """End the thread; one that hangs in a call is left behind."""
        self._closing.set()
        self._thread.join(timeout)


def _work(method: WeakMethod[Callable[[], None]], interval: float, closing: threading.Event) -> None:
    failed = False
    while not closing.wait(interval) and (call := method()) is not None:
        try:
            call()
        except Exception:
            if not failed:
                failed = True
                log.exception("%s failed; it will be tried again.", call)
        finally:
            del call
