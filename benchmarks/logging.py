"""What logging costs the training thread: `run.log` itself, ten scalars to all sinks, and all sinks blocked."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Sequence
from logging import ERROR, getLogger
from pathlib import Path
from time import perf_counter_ns

import torch
from torch.nn import functional as F

import lineside
from benchmarks.timed import WARM_UP, Contestant, TimedBatches, race, report, tiny

CALLS = 50_000
SCALARS = 10
LONG = 60
FILLING = 20
"""Segments in which the queue of what hangs fills, and those of a training that goes on, as most of a run does."""


class Blocked(lineside.Sink):
    """A sink whose server never answers."""

    close_timeout = 0.1

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self._never = threading.Event()

    def write(self, records: lineside.Records, run: lineside.RunView) -> None:
        """Hang."""
        self._never.wait()


class Sleeper(lineside.Callback):
    """Sleeps for a second at every event, in the background."""

    background = True
    close_timeout = 0.1

    def on_batch_end(self, run: lineside.RunView) -> None:
        """Sleep."""
        time.sleep(1.0)

    def on_epoch_end(self, run: lineside.RunView) -> None:
        """Sleep."""
        time.sleep(1.0)


def calls_of_log(value: object) -> list[int]:
    """Return the nanoseconds of each of many calls of `run.log` on the training thread."""
    times = []
    with tempfile.TemporaryDirectory() as directory, lineside.Run(model=tiny()[0], run_dir=directory) as run:
        for _ in run.epochs(1):
            for _ in run.batches(range(CALLS)):
                start = perf_counter_ns()
                run.log({"train/loss": value})
                times.append(perf_counter_ns() - start)
    return times


def loop(callbacks: Sequence[object], scalars: int) -> Contestant:
    """Return a hand-written loop that logs some scalars a step."""

    def go(batches: TimedBatches) -> None:
        model, optimizer = tiny()
        values = {f"train/metric-{i}": 0.5 + i for i in range(scalars)}
        with (
            tempfile.TemporaryDirectory() as directory,
            lineside.Run(model=model, optimizer=optimizer, callbacks=list(callbacks), run_dir=directory) as run,  # type: ignore[arg-type]
        ):
            for _ in run.epochs(1):
                for inputs, targets in run.batches(batches):
                    F.cross_entropy(model(inputs), targets).backward()
                    optimizer.step()
                    optimizer.zero_grad()
                    if values:
                        run.log(values)

    return go


def with_summary_writer(scalars: int) -> Contestant:
    """Return the same loop with torch's SummaryWriter called in it."""
    from torch.utils.tensorboard import SummaryWriter

    def go(batches: TimedBatches) -> None:
        model, optimizer = tiny()
        with tempfile.TemporaryDirectory() as directory:
            writer = SummaryWriter(str(Path(directory)))
            for step, (inputs, targets) in enumerate(batches):
                F.cross_entropy(model(inputs), targets).backward()
                optimizer.step()
                optimizer.zero_grad()
                for i in range(scalars):
                    writer.add_scalar(f"train/metric-{i}", 0.5 + i, step)
            writer.close()

    return go


def main() -> None:
    """Print the tables."""
    getLogger("lineside").setLevel(ERROR)  # that the blocked sinks are left behind is the point
    for name, value in (("a Python number", 0.5), ("a tensor", torch.tensor(0.5))):
        times = sorted(calls_of_log(value))
        median, p99 = times[len(times) // 2] / 1e3, times[int(0.99 * len(times))] / 1e3
        print(f"  run.log of {name:16} median {median:6.2f} µs   p99 {p99:6.2f} µs")
    ten = race(
        {
            "nothing logged": loop([], 0),
            "ten scalars to store, CSV, TensorBoard": loop(["log-metrics", "tensorboard"], SCALARS),
            "ten scalars by SummaryWriter in the loop": with_summary_writer(SCALARS),
        }
    )
    print(report("Logging ten scalars a step", ten))
    blocked = race(
        {
            "ten scalars, no sinks": loop([], SCALARS),
            "ten scalars, three sinks that hang": loop([Blocked(f"blocked-{i}") for i in range(3)], SCALARS),
            "ten scalars, one that sleeps 1 s an event": loop([Sleeper()], SCALARS),
        },
        segments=LONG,
    )
    for title, first, last in (("while its queue fills", 0, FILLING - WARM_UP), ("then", FILLING - WARM_UP, LONG)):
        there = {
            name: [pair for place, pair in enumerate(pairs) if first <= place % (LONG - WARM_UP) < last]
            for name, pairs in blocked.items()
        }
        print(report(f"\nWhat hangs in the background: {title}", there))


if __name__ == "__main__":
    main()
