"""What the hooks of one callback cost each batch of a training, beside those of one that does nothing."""

from __future__ import annotations

import gc
import os
import random
import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter_ns, thread_time_ns
from types import FrameType
from typing import Any, NamedTuple

TURN = 5
"""Batches; few, since a machine changes its pace."""
TURN_OF_HOOKS = 50
"""Where nothing else is timed: in long turns a block of values that is published together is as large as elsewhere."""
COUNTED = 8
"""The last turns count calls, which takes too long to be timed."""
SLOWEST = 0.005
"""The part of pairs of turns, at either end, that is left out of a mean: there the machine did something else."""


class Exchanged(NamedTuple):
    """Attributes that are exchanged from turn to turn.

    Attributes:
        owner: an object, such as the callback that is measured, or what the framework keeps its hooks in.
        names: of its hooks in a batch.
        nothing: has the hooks of a callback of the framework's own that does nothing; None where there is no hook.
    """

    owner: Any
    names: Sequence[str]
    nothing: Any


class Turns:
    """A few batches with the hooks of a callback, a few with those of one that does nothing, and so on in one training.

    Two trainings side by side differ by several microseconds a batch even if they are the same, since their tensors
    lie at other places. Everything here is of one training's own thread: the processor time that it used, whatever
    else the machine did meanwhile, and how often it called a function.

    Where a step takes so long that its own ups and downs hide a few microseconds, only what the hooks take is timed.

    Args:
        batches: how many the training is to have.
        only_hooks: put a clock around each hook.

    Attributes:
        batches: the same.
        micros: microseconds a batch, one value a turn: without the hooks, and with them.
        calls: of Python functions in a batch.
        c_calls: of functions of C in a batch.
    """

    def __init__(self, batches: int, *, only_hooks: bool) -> None:
        self.batches = batches
        self._only_hooks, self._turn = only_hooks, TURN_OF_HOOKS if only_hooks else TURN
        self._in_hooks = 0
        self.micros: tuple[list[float], list[float]] = ([], [])
        self.calls: tuple[list[float], list[float]] = ([], [])
        self.c_calls: tuple[list[float], list[float]] = ([], [])
        self._ours = True
        self._batch = self._since = 0
        # Which of a pair of turns comes first is drawn: collections of garbage and the like have a rhythm, too.
        draw = random.Random(0)  # noqa: S311 - an order, no secret
        self._plan = [ours for _ in range(batches // self._turn // 2 + 1) for ours in draw.sample((True, False), 2)]
        self._counted = {"call": 0, "c_call": 0}
        self._others: list[tuple[Any, str, Any]] = []

    def watch(self, *exchanged: Exchanged) -> None:
        """Exchange hooks from now on, at the end of each turn; they may change until the first one ends."""
        self._others = [
            (owner, name, self._clocked(getattr(nothing, name, None)))
            for owner, names, nothing in exchanged
            for name in names
        ]

    def batch_ended(self) -> None:
        """Take note of the end of a batch; called by a callback of the framework's own behind the measured one."""
        self._batch += 1
        if self._batch % self._turn:
            return
        turn, turns = self._batch // self._turn, self.batches // self._turn
        now = self._in_hooks if self._only_hooks else thread_time_ns()
        if sys.getprofile() is not None:
            sys.setprofile(None)
            self.calls[self._ours].append(self._counted["call"] / self._turn)
            self.c_calls[self._ours].append(self._counted["c_call"] / self._turn)
        elif turn > turns // 10 // 2 * 2:
            self.micros[self._ours].append((now - self._since) / 1e3 / self._turn)
        if self._ours != self._plan[turn]:
            self._exchange()
        if turn >= turns - COUNTED:
            self._counted.update(call=0, c_call=0)
            sys.setprofile(self._count)
        self._since = self._in_hooks if self._only_hooks else thread_time_ns()

    def _clocked(self, hook: Any) -> Any:
        if hook is None or not self._only_hooks or getattr(hook, "__name__", "") == "clocked":
            return hook

        def clocked(*arguments: Any, **options: Any) -> Any:
            start = perf_counter_ns()
            try:
                return hook(*arguments, **options)
            finally:
                self._in_hooks += perf_counter_ns() - start

        return clocked

    def _exchange(self) -> None:
        self._ours = not self._ours
        ours = [(owner, name, self._clocked(getattr(owner, name, None))) for owner, name, _ in self._others]
        for owner, name, hook in self._others:
            setattr(owner, name, hook)
        self._others = ours

    def _count(self, frame: FrameType, what: str, argument: Any) -> None:
        if what in self._counted:
            self._counted[what] += 1


def in_turns(training: Callable[[Turns], None], batches: int, *, only_hooks: bool = False) -> Turns:
    """Run a training whose callback's hooks are there in half of the turns, on one processor; see `Turns`."""
    processors = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    with suppress(OSError):
        if processors:
            os.sched_setaffinity(0, {max(processors)})
    # What is in memory by now is nothing that a collection of garbage in a batch should go through.
    gc.collect()
    gc.freeze()
    turns = Turns(batches, only_hooks=only_hooks)
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
    """Return the mean of what each turn used beyond the turn beside it, and its standard error.

    A mean and no median: every few hundred batches one publishes what all of them gave.
    """
    differences = sorted(one - other for one, other in zip(beyond, without, strict=False))
    left_out = round(len(differences) * SLOWEST)
    kept = differences[left_out : len(differences) - left_out]
    return statistics.mean(kept), statistics.stdev(kept) / len(kept) ** 0.5


def median_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the median of many values and its standard error."""
    low, middle, high = statistics.quantiles(values, n=4)
    # Of a bell curve: quartiles are 1.35 deviations apart, and a median strays 1.25 times as far as a mean.
    return middle, 1.25 * (high - low) / 1.35 / len(values) ** 0.5
