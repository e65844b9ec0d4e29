"""What a callback must see of the toy training in every host, written down from the lifecycle and from nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from lineside.events import Event
from lineside.testing.toy import BATCHES, VAL_BATCHES
from lineside.testing.trace import Sighting

COMPARED = ("train/loss", "val/loss", "lr", "time/epoch")
"""Metrics that every host has; some have more."""


class Point(NamedTuple):
    """One event of a training, without what may differ between hosts.

    Attributes:
        hook: its name.
        epoch: from 0.
        step: optimizer steps so far.
        batch: within the epoch or the validation; None outside of batches.
        metrics: of those that every host has, the ones that are there.
    """

    hook: str
    epoch: int
    step: int
    batch: int | None
    metrics: tuple[str, ...]


def points(trace: Sequence[Sighting]) -> list[Point]:
    """Return a recorded trace in the form that is compared."""
    return [
        Point(
            one.event.hook,
            one.epoch,
            one.step,
            one.batch if one.event.per_batch else None,
            tuple(name for name in COMPARED if name in one.metrics),
        )
        for one in trace
        if one.event not in (Event.SETUP, Event.TEARDOWN, Event.CHECKPOINT, Event.ALERT)
    ]


def training(epochs: int, lacking: Collection[Event] = ()) -> list[Point]:
    """Return the trace of a training with so many epochs, without the points that a host declares to lack."""
    return [point for point in _training(epochs) if point.hook not in {event.hook for event in lacking}]


def _training(epochs: int) -> Iterator[Point]:
    known: tuple[str, ...] = ()
    yield Point("on_train_start", 0, 0, None, known)
    for epoch in range(epochs):
        step = epoch * BATCHES
        yield Point("on_epoch_start", epoch, step, None, known)
        for batch in range(BATCHES):
            yield Point("on_batch_start", epoch, step, batch, known)
            yield Point("on_backward_end", epoch, step, batch, known)
            step += 1
            yield Point("on_step_end", epoch, step, batch, known)
            yield Point("on_batch_end", epoch, step, batch, known)
        known = _with(known, "train/loss", "lr")
        yield Point("on_train_epoch_end", epoch, step, None, known)
        yield Point("on_val_start", epoch, step, None, known)
        for batch in range(VAL_BATCHES):
            yield Point("on_val_batch_start", epoch, step, batch, known)
            yield Point("on_val_batch_end", epoch, step, batch, known)
        known = _with(known, "val/loss")
        yield Point("on_val_end", epoch, step, None, known)
        known = _with(known, "time/epoch")
        yield Point("on_epoch_end", epoch, step, None, known)
        yield Point("on_fit_epoch_end", epoch, step, None, known)
    yield Point("on_train_end", epochs, epochs * BATCHES, None, known)


def prediction() -> list[Point]:
    """Return the trace of a prediction over the validation's points, on its own."""
    batches = [
        Point(hook, 0, 0, batch, ())
        for batch in range(VAL_BATCHES)
        for hook in ("on_predict_batch_start", "on_predict_batch_end")
    ]
    return [Point("on_predict_start", 0, 0, None, ()), *batches, Point("on_predict_end", 0, 0, None, ())]


def _with(known: tuple[str, ...], *names: str) -> tuple[str, ...]:
    return tuple(name for name in COMPARED if name in known or name in names)
