"""A run whose loop belongs to a framework: what the framework calls back with becomes our events, in our order."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from threading import get_ident
from typing import Any, Literal

from lineside.checkpoints.checkpoint import Checkpoint
from lineside.errors import RunStateError
from lineside.events import Event
from lineside.language import text
from lineside.run.host_file import check_host_file
from lineside.run.run import Run
from lineside.run.tally import Tally, Tell

log = logging.getLogger("lineside")

_WITHIN = (Event.BATCH_START, Event.BACKWARD_END, Event.STEP_END, Event.BATCH_END)
_EPOCH_END = "epoch-end"
"""Pins the newest checkpoint of an epoch's end."""


class DrivenRun(Run):
    """One training inside another framework's loop; bridges call it at the framework's own points.

    The order of calls is that of the lifecycle in `lineside.events`::

        open
        train_start
          epoch_start
            batch_start → gradients_ready → stepped → batch_end
          train_epoch_end
          evaluation_start → evaluation_batch_start → evaluation_batch_end → evaluation_end
          epoch_end
        train_end
        close

    Whatever a call raises (an interrupt, a callback that must not fail) has been shown to ``on_exception`` and
    ``on_teardown`` when it leaves here, and the run is closed; the bridge lets it pass through its framework.
    """

    echo: Callable[[Mapping[str, Any], int], None] | None = None
    """Told what callbacks log, with the step: the framework may have a logger of its own."""

    unseen = False
    """No callback has a hook within a batch of training: it begins by itself, and `batch_start` need not be called."""

    _under_way: AbstractContextManager[None] | None = None
    _evaluates_within = False
    _open_index = -1
    closed = False

    @property
    def stopping(self) -> bool:
        """Whether the framework is to end the training: somebody asked for it, or the planned steps are done."""
        return self._ending()

    @property
    def resumed_from(self) -> Checkpoint | None:
        """The checkpoint of this run from which this attempt goes on; None where it begins or branches."""
        session = self._session
        return None if session is None or session.branched else session.checkpoint

    @property
    def shows_batches(self) -> bool:
        """Whether a callback has a hook within batches; otherwise nobody looks at data, outputs and loss of one."""
        return any(self.dispatcher.chain(event) is not None for event in Event if event.per_batch)

    def put_aside(self, width: int, tell: Tell, woken: Callable[[], None] | None = None) -> Tally:
        """Return a list to which a bridge may add batches, instead of ending each, while the run is `unseen`.

        Args:
            width: how many things the bridge adds for a batch.
            tell: makes of the list what is known of the batches.
            woken: called, from any thread, when the batch under way is to end as one that somebody sees; for a bridge
                that does not look at `Tally.due` there.
        """
        self.tally = Tally(width, tell, woken)
        if self._replay_at == math.inf:
            self.tally.due = self._look_at
        return self.tally

    @property
    def resumed(self) -> bool:
        """Whether this attempt goes on from a checkpoint of this run."""
        return self.resumed_from is not None

    def check_host_file(self, path: str | Path, kind: str) -> None:
        """Refuse a file that the framework goes on from by itself, unless it was committed with our checkpoint.

        Args:
            path: the framework's own file.
            kind: the suffix of such files.

        Raises:
            RunStateError: they do not belong together.
        """
        owner = {"run": self.name, "framework": self.host}
        self._guarded(partial(check_host_file, path, self.resumed_from, **owner, kind=kind))

    def open(self) -> None:
        """Open the run's directory, set callbacks up, and restore what is to be resumed."""
        try:
            self.__enter__()
        except BaseException:
            self.closed = True
            raise
        self.unseen = self._begins_by_itself = all(self.dispatcher.chain(event) is None for event in _WITHIN)
        progress = self.progress
        if progress.phase != "fresh" and "resume_in_epoch" not in self.host_port.capabilities.abilities:
            log.warning(
                "%s cannot enter epoch %d in its middle, and there is no checkpoint of an epoch's end: the epoch "
                "begins anew, with what it has learnt so far.",
                self.host,
                progress.epoch + 1,
            )
            progress.position, progress.phase = 0, "fresh"
            self.averages.clear()

    def save_now(
        self, *, tags: Sequence[str], pins: Sequence[str] = (), files: Sequence[str] = (), weights_only: bool = False
    ) -> Exception | None:
        """Commit a checkpoint of this moment; one of an epoch's end stays where no epoch is entered in its middle."""
        in_epoch = "resume_in_epoch" in self.host_port.capabilities.abilities
        if not in_epoch and not weights_only and self.progress.phase in ("fresh", "done"):
            pins = [*pins, _EPOCH_END]
        return super().save_now(tags=tags, pins=pins, files=files, weights_only=weights_only)

    # ---- publishing ----------------------------------------------------------------------------------------------

    def log(self, values: Mapping[str, Any]) -> None:
        """Publish metrics; what a callback logs goes to the framework's own logger as well."""
        super().log(values)
        if self.echo is not None and self.dispatcher.current is not None:
            self.echo(values, self.step)

    # ---- training ------------------------------------------------------------------------------------------------

    def train_start(self, *, epochs: int | None = None, steps: int | None = None) -> None:
        """Training begins, or goes on from `run.epoch`.

        Args:
            epochs: in all, those of earlier attempts included; None if unknown.
            steps: optimizer steps in all; None if unknown.
        """
        self.progress.total_epochs, self.progress.total_steps = epochs, steps
        self._guarded(self._begin)

    def end_after(self, steps: int | None) -> None:
        """Let `stopping` be true once so many optimizer steps are done; None for never."""
        self._last_step = math.inf if steps is None else steps

    def epoch_start(self, epoch: int | None = None) -> None:
        """Begin an epoch.

        Args:
            epoch: which one the framework means, from 0.

        Raises:
            RunStateError: the framework goes on from another epoch than the run.
        """
        if epoch is not None and epoch != self.progress.epoch:
            self._guarded(self._take_epoch, epoch)
        self._guarded(self._start_epoch)
        self._enter_batches()

    def _take_epoch(self, epoch: int) -> None:
        if self.resumed or self.progress.epochs_done:
            raise RunStateError(
                f"{self.host} goes on with epoch {epoch + 1} and the run {self.name} with epoch "
                f"{self.progress.epoch + 1}: they do not belong together. Resume both from the same checkpoint, or "
                "begin a new run with resume=None."
            )
        self.progress.epoch = epoch

    def epoch_anew(self) -> None:
        """The framework begins the epoch anew, after an error that it deals with by itself.

        What the batches have given is forgotten; steps that were made are made, and ``on_epoch_start`` is not repeated.
        """
        progress = self.progress
        self.publish_waiting()
        if progress.phase == "trained":
            progress.epochs_done -= 1
        log.warning("%s begins epoch %d anew.", self.host, progress.epoch + 1)
        progress.phase, progress.position = "train", 0
        self.averages.clear()
        self._enter_batches()

    def _enter_batches(self) -> None:
        self._among_batches = True
        if self.unseen:
            self.batch_start()

    def _leave_batches(self) -> None:
        self._among_batches = False
        self._take_back_begin()

    def _take_back_begin(self) -> None:
        """The batch that has begun by itself is none, or not yet; what was logged meanwhile belongs to the epoch."""
        if self.unseen and self._in_batch:
            logged = self._batch_values
            self._forget_batch()
            self.batch = max(0, self.progress.position - 1)
            if logged:
                self.log(logged)

    def keep_rates(self) -> None:
        """Take the learning rates of now for those of the epoch: the framework sets the next ones before it ends."""
        self._rates = dict(self.host_port.lr())

    def train_epoch_end(self, values: Mapping[str, Any] | None = None) -> None:
        """End the training part of an epoch.

        Args:
            values: what the framework itself gives as values of the epoch; they replace the means of the batches.
        """
        self._leave_batches()
        self._guarded(self._end_training_part, values)

    def epoch_end(self, values: Mapping[str, Any] | None = None) -> None:
        """End an epoch, its validation included; a safe point.

        Args:
            values: what the framework publishes as late as here.
        """
        self._leave_batches()
        self._guarded(self._end_training_part)
        if values:
            self.log(values)
        self._guarded(self._end_epoch)

    def train_end(self, reason: str | None = None) -> None:
        """Training is over.

        Args:
            reason: why, in words, where it was the framework that ended it.
        """
        self._leave_batches()
        if self.progress.phase != "fresh":
            self.epoch_end()
        if not self._over():
            self.reason = reason or text(f"{self.host} ended the training", f"{self.host} 结束了训练")
        self._guarded(self._finish)

    # ---- validation, test, prediction, export --------------------------------------------------------------------

    def evaluation_start(self, stage: Literal["val", "test", "predict"]) -> None:
        """Begin a validation, a test or a prediction; before `train_epoch_end` it is a validation in mid-epoch."""
        self._open_index = -1
        self.publish_waiting()
        # One that a callback or an operator asked for stands at a safe point, between two batches.
        self._evaluates_within = self._among_batches and self._in_batch
        if self._evaluates_within:
            self._take_back_begin()
        self._enter(self.evaluation(stage))

    def evaluation_batch_start(self, batch: Any = None) -> None:
        """Begin a batch of the evaluation."""
        self._open_index += 1
        self._guarded(self._open_evaluation_batch, self._open_index, batch)

    def evaluation_batch_end(self, size: int) -> None:
        """End a batch of the evaluation, of `size` samples."""
        self._guarded(self._close_evaluation_batch, size)
        if self.interrupting is not None and (self._held is not None or not self._begun or self._finished):
            self._guarded(self.interrupt_now)

    def evaluation_end(self, values: Mapping[str, Any] | None = None) -> None:
        """End the evaluation.

        Args:
            values: what the framework itself gives; they replace the means of the batches.
        """
        if values is not None:
            self._evaluation.clear()
            self.log(values)
        self._leave_stage()
        if self._evaluates_within:
            self._enter_batches()

    def export_start(self) -> None:
        """Begin an export."""
        self._enter(self.exporting())

    def export_end(self) -> None:
        """End an export."""
        self._leave_stage()

    def _enter(self, stage: AbstractContextManager[None]) -> None:
        self._guarded(stage.__enter__)
        self._under_way = stage

    def _leave_stage(self) -> None:
        stage, self._under_way = self._under_way, None
        if stage is not None:
            self._guarded(stage.__exit__, None, None, None)

    # ---- the end -------------------------------------------------------------------------------------------------

    def _guarded(self, call: Any, *arguments: Any) -> None:
        try:
            call(*arguments)
        except BaseException as error:
            self.fail(error)
            raise

    def fail(self, error: BaseException) -> None:
        """The training failed: show it to everybody, and close the run. The framework raises the error."""
        if self.closed:
            return
        self.closed = True
        if self.tally is not None:
            self.tally.thread = get_ident()  # nobody trains any more; a fit in another thread may have been left
        self._among_batches = self._in_batch = False
        stage, self._under_way = self._under_way, None
        if stage is not None:
            stage.__exit__(type(error), error, error.__traceback__)
        self._leave(error)

    def close(self) -> None:
        """Close the run: ``on_teardown``, the last records, the directory."""
        if not self.closed:
            self.closed = True
            self._leave(None)
