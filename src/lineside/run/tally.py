"""Batches that nobody sees, as a bridge puts them aside until somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import get_ident
from typing import Any, NamedTuple

BLOCK = 250
BLOCK_SECONDS = 0.25
"""The values of so many batches, or of so long, wait to be published together."""


class Told(NamedTuple):
    """What is known of batches that are over, in columns.

    Attributes:
        times: when each ended, in seconds since 1970.
        values: what the engine gave for each; see `lineside.run.batch_values.BatchValues.given`.
        sizes: how many samples each had; 0 where nobody knows.
        steps: how many steps the optimizer made in each.
    """

    times: Sequence[float]
    values: Sequence[Mapping[str, Any]]
    sizes: Sequence[int]
    steps: Sequence[int]


Tell = Callable[[list[Any]], Told]
"""Makes of what a bridge has put aside what is known of the batches; one that is not over it puts back."""


class Tally(list[Any]):
    """One flat list, to which a bridge adds a few things for each batch: little memory is touched so between two.

    The run counts these batches, and publishes their values, before anybody can see that it has not. A batch is put
    aside while it is not `due` and the list not `full`; all others end as batches do that somebody sees, behind
    `DrivenRun.count`.

    Attributes:
        due: the time at which the next batch is to be dealt with as one that somebody sees.
        full: so long the list may become.
        tell: makes of what was put aside what is known of the batches.
        woken: called where the bridge does not look at `due` at the end of a batch.
        thread: the training's own, on which alone batches are put aside and counted.
    """

    __slots__ = ("due", "full", "tell", "thread", "woken")

    def __init__(self, width: int, tell: Tell, woken: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.due = 0.0
        self.full = BLOCK * width
        self.tell = tell
        self.woken = woken
        self.thread = get_ident()

    def wake(self) -> None:
        """Have the batch under way be dealt with as one that somebody sees; from any thread."""
        self.due = 0.0
        if self.woken is not None:
            self.woken()

    def take(self) -> Told:
        """Return what is known of the batches, which are no longer here, but for one that is not over."""
        aside = self.copy()
        self.clear()
        return self.tell(aside)
