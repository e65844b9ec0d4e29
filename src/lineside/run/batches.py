"""What happens around one batch, whoever hands the batches out: the hot path."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from lineside.dispatch.dispatcher import Chain, Dispatcher
from lineside.events import Event
from lineside.metrics import Averages
from lineside.run.safe_points import SafePoints
from lineside.run.view import LiveView

EVALUATION = {
    "val": (Event.VAL_START, Event.VAL_BATCH_START, Event.VAL_BATCH_END, Event.VAL_END),
    "test": (Event.TEST_START, Event.TEST_BATCH_START, Event.TEST_BATCH_END, Event.TEST_END),
    "predict": (Event.PREDICT_START, Event.PREDICT_BATCH_START, Event.PREDICT_BATCH_END, Event.PREDICT_END),
}


class Batches(LiveView):
    """Adds the events around a batch, the optimizer's step and the safe point to what callbacks see."""

    points: SafePoints

    def __init__(self) -> None:
        super().__init__()
        self._last_step = math.inf
        self._step_due = False
        self._settle_due = False
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

    # ---- training ------------------------------------------------------------------------------------------------

    def _open_batch(self, batch: Any) -> None:
        self.batch = self.progress.position
        self.batch_data = batch
        self._in_batch = True
        if self._on_batch_start is not None:
            self._on_batch_start()

    def _close_batch(self, size: int) -> bool:
        """End a batch of `size` samples; tell whether it is the last one, because the run is to end."""
        progress = self.progress
        if self._step_due:
            self.stepped()
        progress.position += 1
        progress.batches_done += 1
        progress.samples += size
        if self._on_batch_end is not None:
            self._on_batch_end()
        self._in_batch = False
        values = self._batch_values
        if values:
            self._batch_values = {}
            if size:
                self.averages.add(values, size)
            self.wiring.records.append((progress.step, progress.epoch, time.time(), values))
        self.batch_data = self.outputs = self._loss = None
        return self._settle_due and self._at_safe_point()

    def _at_safe_point(self) -> bool:
        """The end of a batch in which the optimizer stepped. As a rule nothing waits, and this is a few tests."""
        self._settle_due = False
        if self.requests.waiting or self._mail or self.dispatcher.fatal or self.progress.step >= self.points.replay_at:
            self.settle()
        return self.points.stopping is not None or self.progress.step >= self._last_step

    def _ending(self) -> bool:
        return self.points.stopping is not None or self.progress.step >= self._last_step

    def settle(self) -> None:
        """The safe point: open the mail, agree on requests and apply them."""
        self._settle_due = False
        self.open_mail()
        if self.dispatcher.fatal:
            raise self.dispatcher.fatal.popleft()
        self.points.settle()
        self.open_mail()

    def stepped(self) -> None:
        """Tell that the optimizer stepped. For torch optimizers given to the run this happens by itself."""
        if self._before_step_end is not None:
            self._before_step_end()
        self.progress.step += 1
        self._step_due = False
        self._settle_due = True
        if self._on_step_end is not None:
            self._on_step_end()

    def optimizer_stepped(self, *_: object) -> None:
        """An optimizer of the run has stepped; several in one batch count once."""
        self._step_due = True

    def step_attempted(self) -> None:
        """The optimizer was told to step: announce it, unless mixed precision skipped it. A safe point either way."""
        if self._step_due:
            self.stepped()
        self._settle_due = True

    def gradients_ready(self, *_: object) -> None:
        """Tell that the backward pass is over."""
        if self._on_backward_end is not None:
            self._on_backward_end()

    # ---- evaluation ----------------------------------------------------------------------------------------------

    def _open_evaluation_batch(self, index: int, batch: Any) -> None:
        self.batch, self.batch_data, self._in_batch = index, batch, True
        self.dispatcher.emit(EVALUATION[self.stage][1])

    def _close_evaluation_batch(self, size: int) -> None:
        self.dispatcher.emit(EVALUATION[self.stage][2])
        self._in_batch = False
        self._evaluation.add(self._batch_values, size)
        self._batch_values = {}
        self.batch_data = self.outputs = self._loss = None
