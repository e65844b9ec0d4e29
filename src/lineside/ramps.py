"""Ways from one number to another, and how far a run has come along a duration."""

from __future__ import annotations

import math
from typing import Literal, Protocol

from lineside.units import Duration, Progress

Shape = Literal["linear", "exponential", "cosine", "constant"]


class Place(Progress, Protocol):
    """Where a run is, down to the batch; a run is one."""

    @property
    def epoch(self) -> int:
        """Current epoch, from 0."""

    @property
    def batch(self) -> int:
        """Batch within the epoch, from 0."""

    @property
    def total_batches(self) -> int | None:
        """Batches of this epoch, where known."""


def ramp(shape: Shape, start: float, end: float, share: float) -> float:
    """Return the value after a share of the way; `end` from 1.0 on.

    ``exponential`` changes by equal factors, ``cosine`` slowly at both ends (half a period: Loshchilov and Hutter 2017,
    SGDR), and ``constant`` stays at the start until the way is over.
    """
    if share >= 1.0:
        return end
    if shape == "linear":
        return start + (end - start) * share
    if shape == "exponential":
        return start * math.exp(math.log(end / start) * share)
    if shape == "cosine":
        return end + (start - end) * (1.0 + math.cos(math.pi * share)) / 2.0
    return start


def done_of(duration: Duration, run: Place) -> float:
    """Return which share of a duration a run has done, 1.0 and more when it is over.

    Epochs are counted in fractions where the number of their batches is known.
    """
    if duration.unit != "epochs":
        return duration.measure(run) / duration.amount
    within = run.batch / run.total_batches if run.batch and run.total_batches else 0.0
    return (run.epoch + within) / duration.amount
