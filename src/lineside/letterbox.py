"""A queue that tells its reader of what was put in, so that the reader need not look at it between two batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeVar

Item = TypeVar("Item")


def nobody() -> None:
    """Nobody waits to be told."""


class Letterbox(deque[Item]):
    """Where any thread, or a signal handler, leaves something for one reader; a deque's `append` is atomic.

    Args:
        ring: called behind each `append`, on the thread that left something.
    """

    def __init__(self, ring: Callable[[], None] = nobody) -> None:
        super().__init__()
        self._ring = ring

    def append(self, item: Item) -> None:
        """Add something, and tell the reader."""
        super().append(item)
        self._ring()
