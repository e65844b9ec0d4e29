"""The shape of a training: epochs, batches, validation. Whoever owns the loop calls these, and the events follow."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, Literal, NoReturn

from lineside.errors import OptionError, RunStateError
from lineside.events import Event
from lineside.language import text
from lineside.metrics import Averages
from lineside.ports import BatchSource, Stage
from lineside.run import saving
from lineside.run.batches import EVALUATION, Batches
from lineside.run.safe_points import Interrupted

log = logging.getLogger("lineside")

_NOT_HISTORY = ("time/", "system/")
_SOURCES = 8
"""Loaders that are remembered at once."""


class Loop(Batches):
    """Adds the loop to what callbacks see."""

    interrupting: Interrupted | None

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed
        self._begun = False
        self._finished = False
        self._in_epoch = False
        self._among_batches = False
        self._batches_over = False
        self._resumed_behind_batches = False
        self._handed_out: Iterator[Any] | None = None
        self._rates: Mapping[str, float] | None = None
        self.batch_limit: int | None = None
        self._sources: dict[tuple[int, Stage], tuple[Any, BatchSource]] = {}
        self._held: saving.RunState | None = None
        self._epoch_started = 0.0

    # ---- epochs --------------------------------------------------------------------------------------------------

    def epochs(self, count: int | None = None, *, steps: int | None = None) -> Iterator[int]:
        """Yield the epochs to train, from 0 or from where the run resumed, until `count`, `steps`, or a stop.

        Raises:
            OptionError: neither limit is given, or one is not positive.
            RunStateError: the training is over already; or only `steps` ends it, and an epoch went by without one.
        """
        for option, limit in (("epochs", count), ("steps", steps)):
            if limit is not None and (not isinstance(limit, int) or limit < 1):
                raise OptionError(f"{option}={limit!r} must be a whole number above 0.")
        if count is None and steps is None:
            raise OptionError("Say how long to train: run.epochs(20), or run.epochs(steps=10_000).")
        self.progress.total_epochs, self.progress.total_steps = count, steps
        self._last_step = math.inf if steps is None else steps
        self._begin()
        while not self._over():
            self._start_epoch()
            before = self.progress.step
            yield self.progress.epoch
            if count is None and self.progress.step == before and not self._ending():
                raise RunStateError(
                    "An epoch went by without an optimizer step, and only a number of steps ends this training: the "
                    "data is empty, or the loop does not step an optimizer of the run. Without one, call run.stepped()."
                )
            self._end_epoch()
        self._finish()

    def _over(self) -> bool:
        progress = self.progress
        if self.points.stopping is not None:
            self.reason = self.points.stopping
        elif progress.step >= self._last_step:
            count = progress.total_steps
            done = "the one step is done" if count == 1 else f"all {count} steps are done"
            self.reason = text(done, f"全部 {count} 步已完成")
        elif progress.total_epochs is not None and progress.epoch >= progress.total_epochs:
            count = progress.total_epochs
            done = "the one epoch is done" if count == 1 else f"all {count} epochs are done"
            self.reason = text(done, f"全部 {count} 轮已完成")
        # An epoch that was under way when the run resumed is brought to its end first.
        return self.reason is not None and progress.phase == "fresh"

    def _begin(self) -> None:
        raise NotImplementedError

    def _finish(self) -> None:
        raise NotImplementedError

    def interrupt_now(self) -> NoReturn:
        """Save and leave; see `Run`."""
        raise NotImplementedError

    def _start_epoch(self) -> None:
        self._epoch_started = time.monotonic()
        self._in_epoch = True
        self._batches_over = False
        self._rates = None
        self._resumed_behind_batches = self.progress.phase == "trained"
        if self.progress.phase == "fresh":
            self.progress.phase = "train"
            self.batch = 0
            self.averages.clear()
            self.dispatcher.emit(Event.EPOCH_START)
            self.open_mail()

    def _end_training_part(self, means: Mapping[str, Any] | None = None) -> None:
        """Validation begins, or the epoch ends: publish what the batches gave, or the `means` of who knows better."""
        self.publish_waiting()
        progress = self.progress
        if progress.phase != "train":
            return
        progress.phase = "trained"
        progress.epochs_done += 1
        rates = list((self._rates or self.host_port.lr()).items())
        values = dict(self.averages.means() if means is None else means)
        values |= {f"lr/{name}": rate for name, rate in rates} if len(rates) > 1 else {}
        if rates:
            values["lr"] = rates[0][1]
        self.log(values)
        self.dispatcher.emit(Event.TRAIN_EPOCH_END)
        self.open_mail()

    def _end_epoch(self) -> None:
        # A loop that was left with `break` may still hold its iterator, in a progress bar say.
        close(self._handed_out)
        self._end_training_part()
        self._in_epoch = False
        progress = self.progress
        self.log({"time/epoch": time.monotonic() - self._epoch_started})
        for name in self.metrics:
            point = self.metrics.point(name)
            if point is not None and point.epoch == progress.epoch and not name.startswith(_NOT_HISTORY):
                self.history.setdefault(name, []).append(point.value)
        self.dispatcher.emit(Event.EPOCH_END)
        self.dispatcher.emit(Event.FIT_EPOCH_END)
        progress.phase = "done"
        self.record("epoch_end", dict(self.metrics))
        self.settle()
        progress.epoch, progress.position, progress.phase = progress.epoch + 1, 0, "fresh"

    # ---- batches -------------------------------------------------------------------------------------------------

    def batches(self, loader: Any) -> Iterator[Any]:
        """Yield the batches of a loader, with the events of the stage around the body of the loop.

        In training a resumed epoch goes on behind the batches that are over.

        Raises:
            RunStateError: outside of an epoch, or for a second time in one epoch.
            OptionError: the loader cannot be iterated, or gives no batch.
        """
        if self.stage != "train":
            return self._evaluation_batches(loader)
        self._handed_out = self._training_batches(loader)
        return self._handed_out

    def _source(self, loader: Any, stage: Stage) -> BatchSource:
        key = (id(loader), stage)
        if key not in self._sources:
            # The loader is kept beside its wrapper, so that its id is not given to another one; but not for ever, since
            # some loops make a new one in each epoch.
            while len(self._sources) >= _SOURCES:
                close(self._sources.pop(next(iter(self._sources)))[1])
            self._sources[key] = (loader, self.host_port.source(loader, self._seed, stage))
        return self._sources[key][1]

    def _training_batches(self, loader: Any) -> Iterator[Any]:
        progress = self.progress
        if self._resumed_behind_batches:
            return
        if progress.phase != "train" or self._among_batches or self._batches_over:
            raise RunStateError(
                "run.batches() gives the training batches once in each epoch of run.epochs(), before its validation; "
                "wrap validation data in `with run.validation():`, and join several loaders with zip() or "
                "itertools.chain()."
            )
        if self._ending():
            # The stop was asked for at the very step from which the run resumed.
            return
        source = self._source(loader, "train")
        if progress.position and source.inexact_reason is not None:
            log.warning("The resume is not exact: %s.", source.inexact_reason)
        source.load_state(self.fed)
        self.total_batches, self.feeding, self.fed = self._limited(source.length), source, None
        feed = self.feed_of(source)
        self._among_batches = True
        try:
            for batch in islice(feed, self._batches_left(progress.position)):
                self.batch_start(batch)
                yield batch
                if self.batch_end(batch):
                    return
            self._refuse_no_batch()
        except GeneratorExit:
            # The loop was left with `break`: a step that was made before it counts.
            if self.step_due and not self._torn_down:
                self.stepped()
            raise
        finally:
            self._among_batches = False
            self._batches_over = True
            self.feeding = None
            # Read here: a scheduler that is stepped at the end of the epoch sets the rate of the next one. A loop that
            # an error has left may be collected at any later time, when nobody must be asked.
            if not self._torn_down:
                self._rates = self.host_port.lr()
            self._forget_batch()  # one that was left with `break`
            close(feed)

    def _refuse_no_batch(self) -> None:
        if not self.progress.position:
            raise OptionError(
                f"The training data gave no batch in epoch {self.progress.epoch + 1}. Is it empty, smaller than one "
                "batch with drop_last=True, or an iterator, which can be read only once?"
            )

    def _limited(self, length: int | None) -> int | None:
        return length if self.batch_limit is None else min(self.batch_limit, length or self.batch_limit)

    def _batches_left(self, done: int) -> int | None:
        return None if self.batch_limit is None else max(0, self.batch_limit - done)

    def close_sources(self) -> None:
        """End what loaders keep from epoch to epoch, such as workers that persist."""
        for _, source in self._sources.values():
            close(source)

    # ---- evaluation ----------------------------------------------------------------------------------------------

    @contextmanager
    def validation(self) -> Iterator[None]:
        """Surround a validation; what is logged inside gets the prefix ``val/``."""
        with self.evaluation("val"):
            yield

    @contextmanager
    def evaluation(self, stage: Literal["val", "test", "predict"]) -> Iterator[None]:
        """Surround a validation, a test or a prediction with its events; its means are published at the end."""
        if self.stage != "train":
            raise RunStateError(f"A {stage} stage cannot begin inside a {self.stage} stage: leave that one first.")
        # One that was asked for and is done where a run resumes in mid-epoch stands before the rest of the batches.
        if stage == "val" and self._in_epoch and not self._among_batches:
            self._end_training_part()
        self.publish_waiting()
        outer = (self._in_batch, self._batch_values, self.batch, self.total_batches)
        outer_batch = (self.batch_data, self.outputs, self.raw_loss)
        # In the middle of a batch's body there is no state from which a run could resume.
        if stage == "val" and self._begun and not self._in_batch:
            self._held = saving.capture(self, self.points)
        self._in_batch, self._batch_values = False, {}
        self._evaluation = Averages()
        self.stage = stage
        start, _, _, end = EVALUATION[stage]
        try:
            self.dispatcher.emit(start)
            yield
            self.log(self._evaluation.means())
            self.dispatcher.emit(end)
        finally:
            self.validation_weights.take_out(stage)
            self.stage = "train"
            self._held = None
            self._in_batch, self._batch_values, self.batch, self.total_batches = outer
            self.batch_data, self.outputs, self.raw_loss = outer_batch
        if not self._in_batch:
            self.open_mail()

    @contextmanager
    def exporting(self) -> Iterator[None]:
        """Surround an export with its events."""
        self.stage = "export"
        try:
            self.dispatcher.emit(Event.EXPORT_START)
            yield
            self.dispatcher.emit(Event.EXPORT_END)
        finally:
            self.stage = "train"

    def _evaluation_batches(self, loader: Any) -> Iterator[Any]:
        source = self._source(loader, self.stage)
        self.total_batches = self._limited(source.length)
        feed = source.batches(self.progress.epoch)
        try:
            for index, batch in enumerate(islice(feed, self._batches_left(0))):
                self._open_evaluation_batch(index, batch)
                yield batch
                self._close_evaluation_batch(self.host_port.batch_size(batch))
                training = self._begun and not self._finished
                if self.interrupting is not None and (self._held is not None or not training):
                    self.interrupt_now()
        finally:
            self._in_batch = False
            self.batch_data = self.outputs = self.raw_loss = None
            close(feed)


def close(feed: object) -> None:
    """End an iterator's work early: workers of a loader stop now and not when the garbage is collected."""
    close: Callable[[], None] | None = getattr(feed, "close", None)
    if close is not None:
        close()
