"""What happens around one batch, whoever hands the batches out: the hot path."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from time import time
from typing import Any

from lineside.dispatch.dispatcher import Chain, Dispatcher
from lineside.events import Event
from lineside.metrics import Averages
from lineside.run.batch_values import ROW, BatchValues
from lineside.run.safe_points import SafePoints
from lineside.run.tally import BLOCK, BLOCK_SECONDS

_FULL = BLOCK * ROW

EVALUATION = {
    "val": (Event.VAL_START, Event.VAL_BATCH_START, Event.VAL_BATCH_END, Event.VAL_END),
    "test": (Event.TEST_START, Event.TEST_BATCH_START, Event.TEST_BATCH_END, Event.TEST_END),
    "predict": (Event.PREDICT_START, Event.PREDICT_BATCH_START, Event.PREDICT_BATCH_END, Event.PREDICT_END),
}


class Batches(BatchValues):
    """Adds the events around a batch, the optimizer's step and the safe point to what callbacks see.

    Attributes:
        step_due: the optimizer has stepped, which the end of the batch tells if nobody does before.
        settle_due: the end of the batch is a safe point.
    """

    __slots__ = (
        *("_array", "_begins_by_itself", "_before_step_end", "_last_step", "_replay_at"),
        *("settle_due", "step_due"),
        *("_on_backward_end", "_on_batch_end", "_on_batch_start", "_on_step_end"),
    )

    points: SafePoints

    def __init__(self) -> None:
        super().__init__()
        self._array: type[Any] | None = None
        self._last_step = self._replay_at = math.inf
        self.step_due = False
        self.settle_due = False
        self._begins_by_itself = False
        self._before_step_end: Callable[[], None] | None = None
        self._on_batch_start: Chain | None = None
        self._on_backward_end: Chain | None = None
        self._on_step_end: Chain | None = None
        self._on_batch_end: Chain | None = None
        self._evaluation = Averages()

    def _take_dispatcher(self, dispatcher: Dispatcher) -> None:
        """Take the dispatcher; the chains of a batch are kept beside it."""
        self.dispatcher = dispatcher
        self._on_batch_start = dispatcher.chain(Event.BATCH_START)
        self._on_backward_end = dispatcher.chain(Event.BACKWARD_END)
        self._on_step_end = dispatcher.chain(Event.STEP_END)
        self._on_batch_end = dispatcher.chain(Event.BATCH_END)

    def watch_host(self) -> None:
        """Have the host tell of steps, and of gradients if a callback wants to see them."""
        wanted = self.gradients_ready if self._on_backward_end is not None else None
        self._before_step_end = self.host_port.watch(wanted, self.optimizer_stepped)
        self._array = self.host_port.array

    # ---- training ------------------------------------------------------------------------------------------------

    # Between two steps of a model its code and data have taken the place of ours in the processor's caches, and every
    # further function costs about a microsecond, however short it is. So each of these two does all by itself.

    def batch_start(self, batch: Any = None) -> None:
        """Begin a micro-batch of training."""
        progress = self._progress
        self._batch, self._begun_at = progress.position, progress.step
        self.batch_data, self._in_batch = batch, True
        if self._on_batch_start is not None:
            try:
                self._on_batch_start()
            except BaseException as error:
                self.fail(error)
                raise

    def batch_end(  # noqa: C901, PLR0912 - see above
        self, batch: Any, values: Mapping[str, Any] | None = None, *, size: int | None = None, steps: int = 0
    ) -> bool:
        """End a micro-batch; a safe point, if the optimizer stepped in it.

        Args:
            batch: its data, which tells how many samples it has.
            values: what the engine gives as values of the batch; see `given`.
            size: how many samples it has, where the engine hands out no data; 0 where nobody knows.
            steps: how many steps the optimizer made in it, where no hook of the optimizer tells.

        Returns:
            Whether it is the last one, because the run is to end.
        """
        progress, stops = self._progress, False
        try:
            if size is None:
                # By far the most frequent case: the first part of the batch is an array.
                part: Any = batch
                kind = type(batch)
                if kind is tuple or kind is list:
                    part = batch[0] if batch else None
                elif kind is dict:
                    for part in batch.values():  # noqa: B007 - the first of them
                        break
                shape = part.shape if type(part) is self._array else None
                size = shape[0] if shape else self.host_port.batch_size(batch)
            if values:
                self.given = values
            if steps:
                progress.step += steps - 1
                self.step_due = True
            if self.step_due:
                if self._on_step_end is not None or self._before_step_end is not None:
                    self.stepped()
                else:  # the same without a call
                    progress.step += 1
                    self.step_due, self.settle_due = False, True
            progress.position += 1
            progress.batches_done += 1
            progress.samples += size
            if self._on_batch_end is not None:
                self._on_batch_end()
            self._in_batch, now = False, time()
            if self._batch_values:
                self.publish_waiting()
                logged, self._batch_values = self._batch_values, {}
                if size:
                    self.averages.add(logged, size)
                self.wiring.records.append((progress.step, progress.epoch, now, logged))
            elif self.given is not None:
                self._waiting += (self._begun_at, progress.step, now, size, self.given)
                self.given = None
            self.batch_data = self.outputs = self.raw_loss = None
            # As a rule nothing waits: whoever leaves something sets the time back.
            if now >= self._look_at or len(self._waiting) >= _FULL or progress.step >= self._replay_at:
                stops = self._look()
            self.settle_due = False
            if self._begins_by_itself:
                self._batch, self._begun_at, self._in_batch = progress.position, progress.step, True
            return stops or progress.step >= self._last_step
        except BaseException as error:
            self.fail(error)
            raise

    def _look(self) -> bool:
        """Look at all that need not be looked at in every batch; return whether the run is to end."""
        # First of all, so that whoever leaves something meanwhile is heard at the next batch.
        self._look_at = time() + BLOCK_SECONDS
        if self.tally is not None:
            self.tally.due = self._look_at
        self.publish_waiting()
        points, waits = self.points, bool(self.requests.waiting or self._mail or self.dispatcher.fatal)
        if self.settle_due and (waits or self._progress.step >= points.replay_at):
            self.settle()
        elif waits or points.stopping is not None:
            self.wake()
        self._replay_at = points.replay_at
        if self.tally is not None and self._replay_at < math.inf:
            self.tally.wake()  # each step is to be looked at
        return points.stopping is not None

    def fail(self, error: BaseException) -> None:
        """The training failed in one of our own functions; whoever owns the loop learns of it by the error itself."""

    def _forget_batch(self) -> None:
        """Forget a batch that is not over: what it gave, or logged, belongs to no other."""
        self._in_batch = False
        self.given, self._batch_values = None, {}
        self.batch_data = self.outputs = self.raw_loss = None

    def _ending(self) -> bool:
        return self.points.stopping is not None or self.progress.step >= self._last_step

    def settle(self) -> None:
        """The safe point: open the mail, agree on requests and apply them."""
        self.settle_due = False
        self.publish_waiting()
        self.open_mail()
        if self.dispatcher.fatal:
            raise self.dispatcher.fatal.popleft()
        self.points.settle()
        self.open_mail()
        self.wake()  # something may be left

    def stepped(self) -> None:
        """Tell that the optimizer stepped. For torch optimizers given to the run this happens by itself."""
        if self._before_step_end is not None:
            self._before_step_end()
        self._progress.step += 1
        self.step_due = False
        self.settle_due = True
        if self._on_step_end is not None:
            self._on_step_end()

    def optimizer_stepped(self, *_: object) -> None:
        """An optimizer of the run has stepped; several in one batch count once."""
        self.step_due = True

    def step_attempted(self) -> None:
        """The optimizer was told to step: announce it, unless mixed precision skipped it. A safe point either way."""
        if self.step_due:
            self.stepped()
        self.settle_due = True

    def gradients_ready(self, *_: object) -> None:
        """Tell that the backward pass is over."""
        if self._on_backward_end is not None:
            self._on_backward_end()

    # ---- evaluation ----------------------------------------------------------------------------------------------

    def _open_evaluation_batch(self, index: int, batch: Any) -> None:
        self._batch, self.batch_data, self._in_batch = index, batch, True
        self.dispatcher.emit(EVALUATION[self.stage][1])

    def _close_evaluation_batch(self, size: int) -> None:
        self.dispatcher.emit(EVALUATION[self.stage][2])
        self._in_batch = False
        self._evaluation.add(self._batch_values, size)
        self._batch_values = {}
        self.batch_data = self.outputs = self.raw_loss = None
