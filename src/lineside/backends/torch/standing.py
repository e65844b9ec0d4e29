"""Schedulers that are not to move for a while."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def standing(schedulers: Sequence[Any]) -> Iterator[None]:
    """Let ``step()`` of some schedulers do nothing inside.

    One that is made for a number of steps, such as OneCycleLR, raises when it is stepped beyond it.
    """
    for scheduler in schedulers:
        scheduler.step = _stay
    try:
        yield
    finally:
        for scheduler in schedulers:
            del scheduler.step


def _stay(*_: Any, **__: Any) -> None:
    """Take what `step` takes."""
