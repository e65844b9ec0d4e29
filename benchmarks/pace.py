"""What the hooks of one callback take of each batch of a training: in themselves, and in all."""

from __future__ import annotations

import gc
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter_ns, thread_time_ns
from types import FrameType
from typing import Any, Protocol

INSIDE = 3000
"""Batches."""
TURN = 5
COUNTED = 8
"""The last turns count calls, which takes too long to be timed."""
SLOWEST = 0.005
"""The part of batches that is left out of a mean: in them the machine did something else."""

Hook = Callable[..., Any]


class Pace(Protocol):
    """What a training tells of its batches.

    Attributes:
        batches: how many it is to have.
    """

    batches: int

    def watch(self, callback: Any, hooks: Sequence[str], around: Sequence[str] = ()) -> None:
        """Take note of the callback that is measured, and of its hooks; those `around` are given a function to call."""

    def batch_ended(self) -> None:
        """Take note of the end of a batch; called by a callback of the framework's own behind the measured one."""


Training = Callable[[Pace], None]


class Inside:
    """How long the hooks of one callback take, clock readings included, but not the functions that they are around.

    Attributes:
        micros: microseconds, one value a batch.
    """

    def __init__(self) -> None:
        self.batches = INSIDE
        self.micros: list[float] = []
        self._nanos = 0

    def watch(self, callback: Any, hooks: Sequence[str], around: Sequence[str] = ()) -> None:
        """Put a clock around the hooks that the callback has."""
        for name in (name for name in (*hooks, *around) if hasattr(callback, name)):
            hook = getattr(callback, name)
            setattr(callback, name, self._timed_around(hook) if name in around else self._timed(hook))

    def _timed(self, hook: Hook) -> Hook:
        def timed(*arguments: Any, **options: Any) -> Any:
            start = perf_counter_ns()
            try:
                return hook(*arguments, **options)
            finally:
                self._nanos += perf_counter_ns() - start

        return timed

    def _timed_around(self, hook: Hook) -> Hook:
        timed = self._timed(hook)

        def around(step: Hook, *arguments: Any, **options: Any) -> Any:
            def inner(*arguments: Any, **options: Any) -> Any:
                start = perf_counter_ns()
                try:
                    return step(*arguments, **options)
                finally:
                    self._nanos -= perf_counter_ns() - start

            return timed(inner, *arguments, **options)

        return around

    def batch_ended(self) -> None:
        """Take note of a batch."""
        self.micros.append(self._nanos / 1e3)
        self._nanos = 0


def inside(training: Training) -> float:
    """Return how many microseconds the hooks of a training's callback take in a batch, in the mean."""
    pace = Inside()
    training(pace)
    kept = sorted(pace.micros)[: round(len(pace.micros) * (1 - SLOWEST))]
    return statistics.mean(kept)


class Turns:
    """A few batches with the hooks of a callback, as many with hooks that do nothing, and so on in one training.

    Two trainings side by side differ by several microseconds a batch even if they are the same, since their tensors
    lie at other places. Everything here is of one training's own thread: the processor time that it used, whatever
    else the machine did meanwhile, and how often it called a function.

    Attributes:
        micros: microseconds a batch, one value a turn: without the hooks, and with them.
        calls: of Python functions in a batch.
        c_calls: of functions of C in a batch.
    """

    def __init__(self, batches: int) -> None:
        self.batches = batches
        self.micros: tuple[list[float], list[float]] = ([], [])
        self.calls: tuple[list[float], list[float]] = ([], [])
        self.c_calls: tuple[list[float], list[float]] = ([], [])
        self._ours = True
        self._batch = self._since = 0
        self._counted = {"call": 0, "c_call": 0}

    def watch(self, callback: Any, hooks: Sequence[str], around: Sequence[str] = ()) -> None:
        """Stand before the hooks that the callback has, in all turns."""
        for name in (name for name in (*hooks, *around) if hasattr(callback, name)):
            hook = getattr(callback, name)
            setattr(callback, name, self._before_around(hook) if name in around else self._before(hook))

    def _before(self, hook: Hook) -> Hook:
        def before(*arguments: Any, **options: Any) -> Any:
            return (hook if self._ours else _nothing)(*arguments, **options)

        return before

    def _before_around(self, hook: Hook) -> Hook:
        def before(step: Hook, *arguments: Any, **options: Any) -> Any:
            return hook(step, *arguments, **options) if self._ours else step(*arguments, **options)

        return before

    def batch_ended(self) -> None:
        """Take note of a batch; at the end of a turn exchange the hooks."""
        self._batch += 1
        if self._batch % TURN:
            return
        now, turn, turns = thread_time_ns(), self._batch // TURN, self.batches // TURN
        if sys.getprofile() is not None:
            sys.setprofile(None)
            self.calls[self._ours].append(self._counted["call"] / TURN)
            self.c_calls[self._ours].append(self._counted["c_call"] / TURN)
        elif turn > turns // 10:
            self.micros[self._ours].append((now - self._since) / 1e3 / TURN)
        self._ours = not self._ours
        if turn >= turns - COUNTED:
            self._counted.update(call=0, c_call=0)
            sys.setprofile(self._count)
        self._since = thread_time_ns()

    def _count(self, frame: FrameType, what: str, argument: Any) -> None:
        if what in self._counted:
            self._counted[what] += 1


def _nothing(*arguments: Any, **options: Any) -> None:
    """Do nothing, as a callback of the framework's own that does nothing."""


def in_turns(training: Training, batches: int) -> Turns:
    """Run a training whose callback's hooks are there in every other turn, on one processor."""
    processors = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    with suppress(OSError):
        if processors:
            os.sched_setaffinity(0, {max(processors)})
    # What is in memory by now is nothing that a collection of garbage in a batch should go through.
    gc.collect()
    gc.freeze()
    turns = Turns(batches)
    try:
        training(turns)
    finally:
        sys.setprofile(None)
        gc.unfreeze()
        with suppress(OSError):
            if processors:
                os.sched_setaffinity(0, processors)
    return turns


def added(without: Sequence[float], beyond: Sequence[float]) -> tuple[float, float]:
    """Return the median of what each turn used beyond the turn beside it, and its standard error."""
    return median_and_error([one - other for one, other in zip(beyond, without, strict=False)])


def median_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the median of many values and its standard error."""
    low, middle, high = statistics.quantiles(values, n=4)
    # Of a bell curve: quartiles are 1.35 deviations apart, and a median strays 1.25 times as far as a mean.
    return middle, 1.25 * (high - low) / 1.35 / len(values) ** 0.5
