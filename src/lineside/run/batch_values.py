"""What batches give: put aside between the steps of a model, and published together as soon as somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, chain, pairwise, repeat
from operator import attrgetter
from threading import get_ident
from typing import Any

from lineside.dispatch.snapshot import OF_PROGRESS, OF_RUN, RunSnapshot
from lineside.metrics import Metrics
from lineside.run.view import LiveView

ROW = 5
"""Of a batch that waits: the step at which it began, step and time at which it was over, its size, and its values."""

_of_progress, _of_run = attrgetter(*OF_PROGRESS), attrgetter(*OF_RUN)


class BatchValues(LiveView):
    """Lets the values that an engine gives for its batches wait until somebody needs them.

    A block of them is published in a fraction of the time that publishing takes between two batches of a model, which
    leaves nothing of it in the processor's caches. Whoever reads them, logs, saves or ends an epoch has them published
    first, so that everybody sees what would be there without waiting: order, steps and times are those of the batches.

    Attributes:
        given: what the engine gives for the batch under way: numbers that nothing changes any more, as a trainer knows
            them itself. They were made at the step at which the batch began.
        completes: makes of what is given for several batches what is published, as soon as somebody looks; None where
            that is the same.
    """

    __slots__ = ("_begun_at", "_waiting", "completes", "given")

    def __init__(self) -> None:
        super().__init__()
        self.given: Mapping[str, Any] | None = None
        self.completes: Callable[[Sequence[Mapping[str, Any]]], list[dict[str, Any]]] | None = None
        self._begun_at = 0
        # One flat list, of batches of one epoch: little memory is touched so between two batches.
        self._waiting: list[Any] = []

    def count(self) -> None:
        """Count the batches that a bridge has put aside; what they gave waits to be published."""
        if not self.tally or self.tally.thread != get_ident():
            return
        told, progress = self.tally.take(), self._progress
        if not told.times:
            return
        begun_at = list(accumulate(told.steps, initial=progress.step))
        progress.step = begun_at.pop()
        progress.position += len(told.times)
        progress.batches_done += len(told.times)
        progress.samples += sum(told.sizes)
        rows = zip(begun_at, (*begun_at[1:], progress.step), told.times, told.sizes, told.values, strict=True)
        self._waiting += chain.from_iterable(rows)
        self._batch, self._begun_at = progress.position, progress.step

    def publish_waiting(self) -> None:
        """Publish what waits: batches that are over, and what the one under way has given."""
        if self.tally:
            self.count()
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            columns = [waiting[place::ROW] for place in range(ROW)]
            if self.completes is not None:
                columns[-1] = self.completes(columns[-1])
            names = list(map(tuple, columns[-1]))
            if names.count(names[0]) == len(names):
                self._publish_block(*columns)
            else:
                changes = [place for place in range(1, len(names)) if names[place] != names[place - 1]]
                for start, end in pairwise((0, *changes, len(names))):
                    self._publish_block(*(column[start:end] for column in columns))
        if self.given is not None:
            (values,), self.given = [self.given] if self.completes is None else self.completes([self.given]), None
            self.batch_table.publish(values, self._begun_at, self._progress.epoch, "train", self._batch_values)

    def _publish_block(
        self,
        begun_at: Sequence[int],
        steps: Sequence[int],
        times: Sequence[float],
        sizes: Sequence[int],
        given: Sequence[Mapping[str, Any]],
    ) -> None:
        columns = {name: [values[name] for values in given] for name in given[0]}
        epoch = self._progress.epoch
        published = self.batch_table.publish_columns(columns, begun_at[-1], epoch)
        self.averages.add_columns(published, sizes)
        if len(published) == 1:
            ((name, column),) = published.items()
            rows: list[dict[str, Any]] = [{name: value} for value in column]
        else:
            rows = [dict(zip(published, row, strict=True)) for row in zip(*published.values(), strict=True)]
        self.wiring.records.extend(zip(steps, repeat(epoch), times, rows))

    # ---- who needs what waits ------------------------------------------------------------------------------------

    @property
    def batch_metrics(self) -> Metrics:
        """The values of the batch."""
        self.publish_waiting()
        return super().batch_metrics

    def freeze(self) -> RunSnapshot:
        """Return a snapshot for background callbacks.

        For one that watches batches this is done for each of them, between two steps of the model, where every further
        function costs a microsecond: so it calls hardly any.
        """
        if self._waiting or self.tally or self.given is not None:
            self.publish_waiting()
        progress = self._progress
        since = progress.running_since
        elapsed = progress.elapsed_before if since is None else progress.elapsed_before + progress.clock() - since
        values = (
            *_of_progress(progress),
            *_of_run(self),
            elapsed,
            self.validation_weights.newest,
            self.host_port.lr(),
        )
        return RunSnapshot(self, self.identity, values, self.table.copied(), self.batch_table.copied())

    def log(self, values: Mapping[str, Any]) -> None:
        """Publish metrics, behind those of the batches before."""
        if self._waiting or self.tally or self.given is not None:
            self.publish_waiting()
        super().log(values)
        if self.tally is not None:
            self.tally.wake()  # it belongs to the batch under way
