"""Training batches that are undone afterwards, for a callback that tries something out."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lineside.callback import Callback
from lineside.control import Kind
from lineside.dispatch.guard import Bound
from lineside.errors import RunStateError
from lineside.ports import Alert, BatchSource
from lineside.run.loop import Loop, close
from lineside.run.undo import Undo

log = logging.getLogger("lineside")


@dataclass(slots=True)
class Rehearsal:
    """One that was asked for."""

    callback: Callback
    steps: int
    done: Callable[[], None]
    over: bool = False


class RehearsingLoop(Loop):
    """Adds rehearsals in front of the training batches; without one, batches do not pass through here.

    Attributes:
        called_off: the training was stopped before the first batch of this epoch, which therefore counts as none.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.called_off = False
        self._rehearsals: deque[Rehearsal] = deque()
        self._rehearsal: Rehearsal | None = None

    @property
    def rehearsing(self) -> bool:
        """Whether this batch is one of a rehearsal."""
        return self._rehearsal is not None

    def rehearse(self, steps: int, done: Callable[[], None]) -> None:
        """Have so many optimizer steps of a rehearsal, before the next training batch."""
        hook = self.dispatcher.current
        if hook is None:
            raise RunStateError("run.rehearse() is for callbacks: it shows its batches to the one that asks.")
        self._rehearsals.append(Rehearsal(hook.callback, steps, done))

    def end_rehearsal(self) -> None:
        """End the rehearsal with this batch, or with the next one in which the optimizer steps."""
        if self._rehearsal is not None:
            self._rehearsal.over = True

    # ---- in front of the training batches ------------------------------------------------------------------------

    def _training_batches(self, loader: Any) -> Iterator[Any]:
        begins = self.progress.phase == "train" and not (self._among_batches or self._batches_over)
        if begins and self._call_off():
            return iter(())
        if begins and self._rehearsals and not self._ending():
            return self._rehearsed(loader)
        return super()._training_batches(loader)

    def _call_off(self) -> bool:
        """Let an epoch that is stopped before its first batch count as none; tell whether this is one."""
        self.called_off = self._ending() and self.progress.position == 0
        if self.called_off:
            self.progress.phase = "fresh"
        return self.called_off

    def _rehearsed(self, loader: Any) -> Iterator[Any]:
        if isinstance(loader, Iterator):
            raise RunStateError(
                f"{self._rehearsals[0].callback!r} tries batches out and goes back to the first one, and this training "
                "data is an iterator, which cannot go back: give the object that iter() was called on."
            )
        source = self._source(loader, "train")
        if source.inexact_reason is not None:
            log.warning("The training is not exactly what it is without a rehearsal: %s.", source.inexact_reason)
        self._among_batches = True
        try:
            while self._rehearsals and not self._called_away():
                yield from self._rehearse(source)
            self.settle()
        finally:
            self._among_batches = False
        if not self._call_off():
            yield from super()._training_batches(loader)

    def _called_away(self) -> bool:
        """Tell whether somebody wants the run to end, for which no rehearsal is finished."""
        # The waiting requests are copied, since other threads add to them.
        return self.interrupting is not None or any(one.kind is Kind.STOP for one in tuple(self.requests.waiting))

    def _end_epoch(self) -> None:
        if self.called_off:
            self._in_epoch = False
        else:
            super()._end_epoch()

    def close_sources(self) -> None:
        """End what loaders keep from epoch to epoch; a rehearsal that failed is undone."""
        if self.rehearsing:
            close(self._handed_out)
        super().close_sources()

    # ---- one rehearsal -------------------------------------------------------------------------------------------

    def _rehearse(self, source: BatchSource) -> Iterator[Any]:
        rehearsal = self._rehearsals[0]
        try:
            undo = Undo(self, self.dir / "rehearsal")
        except OSError as failure:
            self._rehearsals.popleft()
            text = f"What to go back to could not be written down: {failure}."
            self.raise_alert(Alert("A rehearsal did not take place", text, "error", rehearsal.callback.name))
            return
        self._rehearsal = rehearsal
        before = self.progress.step
        try:
            with self.dispatcher.alone(rehearsal.callback), self.host_port.rehearsal():
                yield from self._rehearsal_batches(source, rehearsal)
        except GeneratorExit:
            # The loop was left with `break`, and it would be so every time.
            rehearsal.over = True
            raise
        finally:
            steps = self.progress.step - before
            self._after_batch()
            undo.restore()
            self._rehearsal = None
            if rehearsal.over:
                self._rehearsals.popleft()
                self._conclude(rehearsal, steps)

    def _rehearsal_batches(self, source: BatchSource, rehearsal: Rehearsal) -> Iterator[Any]:
        """Yield batches with their events, from the beginning of the epoch, and round again, until it is over."""
        progress, epoch = self.progress, self.progress.epoch
        last_step = progress.step + rehearsal.steps
        self.total_batches = self._limited(source.length)
        while not (rehearsal.over or self._called_away()):
            before, progress.position = progress.step, 0
            feed = source.batches(epoch)
            try:
                for batch in islice(feed, self._batches_left(0)):
                    self.batch_start(batch)
                    yield batch
                    if self.step_due:
                        self.stepped()
                    progress.position += 1
                    if self._on_batch_end is not None:
                        self._on_batch_end()
                    rehearsal.over = rehearsal.over or progress.step >= last_step
                    ends = self.settle_due and (rehearsal.over or self._called_away())
                    self._after_batch()
                    if ends:
                        return
            finally:
                _leave(feed, source)
            # A smoke run has seen enough, and a loop that does not step would go round for ever.
            rehearsal.over = rehearsal.over or self.batch_limit is not None or progress.step == before
            epoch += 1

    def _after_batch(self) -> None:
        """Forget a batch that is not to count."""
        self.step_due = self.settle_due = False
        self._forget_batch()

    def _conclude(self, rehearsal: Rehearsal, steps: int) -> None:
        """Tell the callback that everything is as before."""
        if self._torn_down:
            return
        self.record("rehearsal", {"callback": rehearsal.callback.name, "steps": steps})
        dispatcher = self.dispatcher
        hook = Bound(rehearsal.callback, "done", lambda _: rehearsal.done())
        outer, dispatcher.current = dispatcher.current, hook
        try:
            rehearsal.done()
        except Exception as error:  # noqa: BLE001 - the guard decides
            dispatcher.guard.failed(hook, error)
        finally:
            dispatcher.current = outer


def _leave(feed: Iterator[Any], source: BatchSource) -> None:
    """Leave an epoch's batches early.

    A loader that keeps its own place is read to the end: only then does its next epoch begin anew.
    """
    if source.state() is not None and source.length is not None:
        for _ in feed:
            pass
    close(feed)
