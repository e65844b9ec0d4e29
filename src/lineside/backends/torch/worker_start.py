"""How a loader's worker process begins."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType


class WorkerStart:
    """Leaves signals to the training process, then calls the user's own ``worker_init_fn``.

    Ctrl-C and job schedulers signal the whole process group. The training process answers with a checkpoint at its next
    safe point, and needs its workers to get there; torch's own handler would end them on the spot.

    Args:
        own: the user's function, or None.
    """

    def __init__(self, own: Callable[[int], None] | None) -> None:
        self._own = own

    def __call__(self, worker: int) -> None:
        """Begin; called in the worker, with its number."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _pass_over_once)
        if self._own is not None:
            self._own(worker)


def _pass_over_once(number: int, _: FrameType | None) -> None:
    """A second SIGTERM ends the worker: `multiprocessing` sends more than one to those that outlive their work."""
    signal.signal(number, signal.SIG_DFL)
