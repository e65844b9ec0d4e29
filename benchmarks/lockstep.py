"""Trainings that take turns, a few batches each, so that what one adds to the other shows on a busy machine."""

from __future__ import annotations

import gc
import os
import statistics
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter_ns, thread_time_ns
from types import FrameType
from typing import Any, Protocol

TURN = 5
"""Batches."""
TURNS = 600
WARM_UP = 40
COUNTED = 4
"""The last turns count calls, which takes too long to be timed."""
INSIDE = 1500
SLOWEST = 0.005
"""The part of batches that is left out of a mean: in them the machine did something else."""


class Pace(Protocol):
    """What a training tells of its batches.

    Attributes:
        batches: how many it is to have.
    """

    batches: int

    def watch(self, callback: Any, hooks: Sequence[str]) -> None:
        """Take note of the callback that is measured, and of the hooks of it that are called for a batch."""

    def batch_ended(self) -> None:
        """Take note of the end of a batch; called by a callback of the framework's own behind the measured one."""


Training = Callable[[Pace], None]


class Turns:
    """What one of several trainings uses that take turns.

    Everything is that of the training's own thread: the processor time that it used, whatever else the machine did
    meanwhile, and how often it called a function. Calls hardly differ from run to run, so they tell of a change that
    the time cannot show yet.

    Attributes:
        micros: microseconds a batch, one value a turn.
        calls: of Python functions in a batch, one value a turn.
        c_calls: of functions of C in a batch.
    """

    def __init__(self, order: _Order, place: int) -> None:
        self.batches = TURN * TURNS
        self.micros: list[float] = []
        self.calls: list[float] = []
        self.c_calls: list[float] = []
        self._order = order
        self._place = place
        self._batch = self._since = 0
        self._counted = {"call": 0, "c_call": 0}

    def watch(self, callback: Any, hooks: Sequence[str]) -> None:
        """Nothing is watched."""

    def batch_ended(self) -> None:
        """Take note of a batch; at the end of a turn wait for the next one."""
        self._batch += 1
        if self._batch % TURN:
            return
        turn = self._batch // TURN
        self._end(turn, thread_time_ns())
        self._order.hand_on(self._place)
        if turn < TURNS:
            self._order.wait(self._place)
        if turn in range(TURNS - COUNTED, TURNS):
            self._counted.update(call=0, c_call=0)
            sys.setprofile(self._count)
        self._since = thread_time_ns()

    def _end(self, turn: int, now: int) -> None:
        if sys.getprofile() is not None:
            sys.setprofile(None)
            self.calls.append(self._counted["call"] / TURN)
            self.c_calls.append(self._counted["c_call"] / TURN)
        elif turn > WARM_UP:
            self.micros.append((now - self._since) / 1e3 / TURN)

    def _count(self, frame: FrameType, what: str, argument: Any) -> None:
        if what in self._counted:
            self._counted[what] += 1


class _Order:
    """Whose turn it is."""

    def __init__(self, count: int) -> None:
        self._turns = [threading.Semaphore(0) for _ in range(count)]
        self._over: set[int] = set()

    def wait(self, place: int) -> None:
        self._turns[place].acquire()

    def hand_on(self, place: int, *, over: bool = False) -> None:
        """Let the next one go on that is not over, which may be the same one."""
        if over:
            self._over.add(place)
        count = len(self._turns)
        following = [(place + step) % count for step in range(1, count + 1)]
        for one in following:
            if one not in self._over:
                self._turns[one].release()
                return


def lockstep(trainings: Sequence[Training]) -> list[Turns]:
    """Let trainings run in turn, each in its thread, all on one processor; return what each used.

    Raises:
        BaseException: what one of them raised.
    """
    order = _Order(len(trainings))
    paces = [Turns(order, place) for place in range(len(trainings))]
    failures: list[BaseException] = []
    processor = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None

    def train(place: int) -> None:
        if processor is not None:
            with suppress(OSError):
                os.sched_setaffinity(threading.get_native_id(), {processor})
        order.wait(place)
        try:
            trainings[place](paces[place])
        except BaseException as failure:  # noqa: BLE001 - raised again by the caller's thread
            failures.append(failure)
        finally:
            order.hand_on(place, over=True)

    # What is in memory by now is nothing that a collection of garbage in a batch should go through.
    gc.collect()
    gc.freeze()
    threads = [threading.Thread(target=train, args=(place,)) for place in range(len(trainings))]
    for thread in threads:
        thread.start()
    order.hand_on(len(trainings) - 1)
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return paces


class Inside:
    """How long the hooks of one callback take in a training, clock readings included.

    Attributes:
        micros: microseconds, one value a batch.
    """

    def __init__(self) -> None:
        self.batches = INSIDE
        self.micros: list[float] = []
        self._nanos = 0

    def watch(self, callback: Any, hooks: Sequence[str]) -> None:
        """Put a clock around the hooks that the callback has."""
        for hook in hooks:
            if hasattr(callback, hook):
                setattr(callback, hook, self.timed(getattr(callback, hook)))

    def timed(self, hook: Callable[..., Any]) -> Callable[..., Any]:
        """Return a hook with a clock around it."""

        def timed(*arguments: Any, **options: Any) -> Any:
            start = perf_counter_ns()
            try:
                return hook(*arguments, **options)
            finally:
                self._nanos += perf_counter_ns() - start

        return timed

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


def added(own: Sequence[float], ours: Sequence[float]) -> tuple[float, float]:
    """Return the median of what each turn of `ours` used beyond the turn of `own` before it, and its standard error."""
    return median_and_error([one - other for one, other in zip(ours, own, strict=False)])


def median_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the median of many values and its standard error."""
    low, middle, high = statistics.quantiles(values, n=4)
    # Of a bell curve: quartiles are 1.35 deviations apart, and a median strays 1.25 times as far as a mean.
    return middle, 1.25 * (high - low) / 1.35 / len(values) ** 0.5
