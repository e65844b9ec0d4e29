"""Rehearsals: training batches that are undone, by which a callback tries something out on the real data."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol


class RehearsalView(Protocol):
    """The part of `RunView` about rehearsals; inline only, and it needs the ability ``rehearse``.

    A rehearsal goes through the ordinary body of the training loop. Its batch events are shown to the callback that
    asked for it, and to no other; nothing is recorded, saved or counted. Afterwards all that a checkpoint holds is put
    back: weights, optimizers, schedulers, generators, counters, the order of the data.
    """

    @property
    def rehearsing(self) -> bool:
        """Whether this batch is one of a rehearsal."""

    def rehearse(self, steps: int, done: Callable[[], None]) -> None:
        """Have so many optimizer steps of a rehearsal, before the next training batch.

        The batches come from the beginning of the epoch; where the data ends it begins again. A stop or an interrupt
        ends a rehearsal without a call of `done`.

        Args:
            steps: after which it ends, unless `end_rehearsal` comes before.
            done: called when everything has been put back, before the next training batch.

        Raises:
            RunStateError: no callback asks.
        """

    def end_rehearsal(self) -> None:
        """End the rehearsal with this batch, or with the next one in which the optimizer steps."""


class HostRehearsal(Protocol):
    """The part of `Host` about rehearsals."""

    def rehearsal(self) -> AbstractContextManager[None]:
        """Surround the batches of a rehearsal: schedulers stand still, lest a short one is stepped past its end."""
