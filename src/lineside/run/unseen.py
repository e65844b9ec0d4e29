"""Batches that no callback looks at: what a framework's loop pays for one of them when nobody wants it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from lineside.events import Event
from lineside.metrics import Metrics
from lineside.run.run import Run

BLOCK = 100
BLOCK_SECONDS = 0.25
"""The values of so many batches, or of so long, wait to be published together."""

_HOOKS = (Event.BATCH_START, Event.BACKWARD_END, Event.STEP_END, Event.BATCH_END)


_Row = tuple[int, int, int, float, Mapping[str, Any], int]
"""A batch: the step its values were made at, step, epoch and time at which it was over, values, unread, and size."""


class UnseenBatches(Run):
    """Ends a batch in one function where no callback has a hook in batches.

    The counters advance at once. Values only wait: a block of them is published in a fraction of the time that
    publishing takes between two batches of a model, which leaves nothing of it in the processor's caches. Whoever reads
    them, saves or ends an epoch has them published first, so that everybody sees what would be there without waiting.
    """

    _unseen = False
    _publish_at = 0.0

    @cached_property
    def _waiting(self) -> list[_Row]:
        return []

    def _look_who_sees(self) -> None:
        """Find out whether a callback has a hook in batches of a training."""
        self._unseen = all(self.dispatcher.chain(event) is None for event in _HOOKS)

    def _close_unseen(self, size: int, values: Mapping[str, Any] | None, made_at: int) -> bool:
        """End a batch of `size` samples; tell whether the run is to end.

        `values` stand for numbers that nothing changes any more; they were made at the step `made_at`.
        """
        progress = self.progress
        if self._step_due:
            progress.step += 1
            self._step_due, self._settle_due = False, True
        progress.position += 1
        progress.batches_done += 1
        progress.samples += size
        self._in_batch = False
        self.batch_data = self.outputs = self._loss = None
        if values:
            now, waiting = time.time(), self._waiting
            waiting.append((made_at, progress.step, progress.epoch, now, values, size))
            if len(waiting) >= BLOCK or now >= self._publish_at:
                self._publish_waiting()
        return self._at_safe_point() if self._settle_due else self._ending()

    def _publish_waiting(self) -> None:
        """Publish what waits."""
        waiting, self._waiting = self._waiting, []
        self._publish_at = time.time() + BLOCK_SECONDS
        for made_at, step, epoch, over_at, values, size in waiting:
            published = self.batch_table.publish(values, made_at, epoch)
            if size:
                self.averages.add(published, size)
            self.wiring.records.append((step, epoch, over_at, published))

    # ---- who needs what waits ------------------------------------------------------------------------------------

    @property
    def batch_metrics(self) -> Metrics:
        """The values of the batch."""
        if self._waiting:
            self._publish_waiting()
        return super().batch_metrics

    def log(self, values: Mapping[str, Any]) -> None:
        """Publish metrics, behind those of the batches before."""
        if self._waiting:
            self._publish_waiting()
        super().log(values)

    def settle(self) -> None:
        """The safe point: what it saves is complete."""
        self._publish_waiting()
        super().settle()

    def _end_training_part(self, means: Mapping[str, Any] | None = None) -> None:
        self._publish_waiting()
        super()._end_training_part(means)

    def _leave(self, error: BaseException | None) -> None:
        try:
            self._publish_waiting()
        finally:
            super()._leave(error)
