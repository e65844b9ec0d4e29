"""What batches give: put aside between the steps of a model, and published together as soon as somebody looks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import repeat
from typing import Any

from lineside.dispatch.snapshot import RunSnapshot
from lineside.metrics import Metrics
from lineside.run.view import LiveView

BLOCK = 100
BLOCK_SECONDS = 0.25
"""The values of so many batches, or of so long, wait to be published together."""

_FIXED = 3
"""Step, time and size stand in front of a batch's values."""


class BatchValues(LiveView):
    """Lets the values that an engine gives for its batches wait until somebody needs them.

    A block of them is published in a fraction of the time that publishing takes between two batches of a model, which
    leaves nothing of it in the processor's caches. Whoever reads them, logs, saves or ends an epoch has them published
    first, so that everybody sees what would be there without waiting: order, steps and times are those of the batches.

    Attributes:
        given: what the engine gives for the batch under way: numbers that nothing changes any more, as a trainer knows
            them itself. They were made at the step at which the batch began.
    """

    __slots__ = ("_begun_at", "_block", "_made_at", "_publish_at", "_waiting", "_waiting_names", "given")

    def __init__(self) -> None:
        super().__init__()
        self.given: Mapping[str, Any] | None = None
        self._begun_at = self._made_at = 0
        # One flat list, of batches of one epoch that give the same names: step and time at which it was over, size and
        # values of each. Little memory is touched so between two batches.
        self._waiting: list[Any] = []
        self._waiting_names: tuple[str, ...] = ()
        self._block = 0
        self._publish_at = 0.0

    def _wait_for(self, names: tuple[str, ...]) -> None:
        """Let batches wait that give other names than those before."""
        self._publish_block()
        self._waiting_names, self._block = names, BLOCK * (_FIXED + len(names))

    def publish_waiting(self) -> None:
        """Publish what waits: batches that are over, and what the one under way has given."""
        if self._waiting:
            self._publish_block()
        if self.given is not None:
            values, self.given = self.given, None
            self.batch_table.publish(values, self._begun_at, self.progress.epoch, "train", self._batch_values)

    def _publish_block(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._publish_at = time.time() + BLOCK_SECONDS
        if not waiting:
            return
        given, width, epoch = self._waiting_names, _FIXED + len(self._waiting_names), self.progress.epoch
        steps, times, sizes, *columns = (waiting[place::width] for place in range(width))
        published = self.batch_table.publish_columns(dict(zip(given, columns, strict=True)), self._made_at, epoch)
        self.averages.add_columns(published, sizes)
        if len(published) == 1:
            ((name, column),) = published.items()
            values: list[dict[str, Any]] = [{name: value} for value in column]
        else:
            values = [dict(zip(published, row, strict=True)) for row in zip(*published.values(), strict=True)]
        self.wiring.records.extend(zip(steps, repeat(epoch), times, values))

    # ---- who needs what waits ------------------------------------------------------------------------------------

    @property
    def batch_metrics(self) -> Metrics:
        """The values of the batch."""
        self.publish_waiting()
        return super().batch_metrics

    def freeze(self) -> RunSnapshot:
        """Return a snapshot for background callbacks."""
        if self._waiting or self.given is not None:
            self.publish_waiting()
        return super().freeze()

    def log(self, values: Mapping[str, Any]) -> None:
        """Publish metrics, behind those of the batches before."""
        if self._waiting or self.given is not None:
            self.publish_waiting()
        super().log(values)
