"""The worker processes of loaders: how they begin, and that they end."""

from __future__ import annotations

import signal
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.util import Finalize
from types import FrameType
from typing import Any

_BEFORE_QUEUES = 100
"""`multiprocessing` closes its queues, which carry the word to stop, with priority 10."""


class WorkerStart:
    """Leaves signals to the training process, then calls the user's own ``worker_init_fn``.

    Ctrl-C and job schedulers signal every process of a run. The training process answers with a checkpoint at its next
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
    """Ignore one SIGTERM; a second one ends the worker."""
    signal.signal(number, signal.SIG_DFL)


@contextmanager
def working(loader: Any, iterator: Any) -> Iterator[None]:
    """Iterate inside; afterwards the workers of the iteration are stopped, unless they wait for the next epoch."""
    if not hasattr(iterator, "_shutdown_workers") or getattr(loader, "persistent_workers", False):
        yield
        return
    guard = stop_at_exit(iterator)
    try:
        yield
    finally:
        guard.cancel()
        stop(iterator)


def stop_at_exit(owner: Any) -> Finalize:
    """Stop the workers of an iteration, or of a loader that keeps its iteration, when the process ends before that.

    It does so with an error, whose traceback holds the iteration. `multiprocessing` would send each worker one SIGTERM,
    which `WorkerStart` passes over, and wait for ever. So they are told before, in the way that they know.
    """
    return Finalize(owner, _stop_if_alive, args=(weakref.ref(owner),), exitpriority=_BEFORE_QUEUES)


def _stop_if_alive(owner: weakref.ref[Any]) -> None:
    alive = owner()
    if alive is not None:
        stop(getattr(alive, "_iterator", alive))


def stop(iterator: Any) -> None:
    """Stop the workers of an iteration now; None has none."""
    if iterator is not None:
        iterator._shutdown_workers()  # noqa: SLF001 - nothing public does it
