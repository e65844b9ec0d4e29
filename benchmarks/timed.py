"""Batches that tell how long the loop around them takes, whatever framework the loop belongs to."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from time import perf_counter

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.pace import median_and_error

SEGMENT = 50
SEGMENTS = 14
WARM_UP = 2
ROUNDS = 20
THREADS = 1
BATCH = 16
WIDTH = 32

Batch = tuple[torch.Tensor, torch.Tensor]


def tiny() -> tuple[nn.Module, torch.optim.Optimizer]:
    """Return a model whose bare step takes a few hundred microseconds, so that every microsecond beside it shows."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10))
    return model, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)


@dataclass
class TimedBatches:
    """The same few batches again and again, in segments; before each, the bare loop runs as many steps of its own.

    So every segment has its measure beside it, in the same tenth of a second: a busy machine slows both.

    Attributes:
        segments: how many there are.
        clock: seconds; `time.thread_time` counts the loop's own work alone, whatever else the machine does.
        pairs: seconds per step of the loop under test and of the bare loop, one pair a segment.
    """

    segments: int = SEGMENTS
    clock: Callable[[], float] = perf_counter
    pairs: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self._batches: list[Batch] = [
            (torch.randn(BATCH, WIDTH, generator=generator), torch.randint(0, 10, (BATCH,), generator=generator))
            for _ in range(8)
        ]
        self._model, self._optimizer = tiny()

    def __len__(self) -> int:
        return SEGMENT * self.segments

    def __iter__(self) -> Iterator[Batch]:
        for segment in range(self.segments):
            bare = self._bare()
            start = self.clock()
            for step in range(SEGMENT - 1):
                yield self._batches[step % len(self._batches)]
            # The clock stops before the last batch: an engine that knows the length never asks for the end.
            seconds = (self.clock() - start) / (SEGMENT - 1)
            yield self._batches[-1]
            if segment >= WARM_UP:
                self.pairs.append((seconds, bare))

    def _bare(self) -> float:
        start = self.clock()
        for step in range(SEGMENT):
            inputs, targets = self._batches[step % len(self._batches)]
            loss = F.cross_entropy(self._model(inputs), targets)
            loss.backward()
            self._optimizer.step()
            self._optimizer.zero_grad()
        return (self.clock() - start) / SEGMENT


Contestant = Callable[[TimedBatches], None]


def race(
    contestants: Mapping[str, Contestant],
    *,
    rounds: int = ROUNDS,
    segments: int = SEGMENTS,
    clock: Callable[[], float] = perf_counter,
) -> dict[str, list[tuple[float, float]]]:
    """Let everybody run in turn, several times; return the pairs of all segments, a list for each."""
    torch.set_num_threads(THREADS)
    pairs: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            batches = TimedBatches(segments, clock)
            contestant(batches)
            pairs[name] += batches.pairs
    return pairs


def report(title: str, pairs: Mapping[str, list[tuple[float, float]]]) -> str:
    """Return a table of medians: a step, its ratio to the bare loop beside it with its error, and what it adds."""
    lines = [title, f"  {'':42} {'µs a step':>10} {'over bare':>10} {'±':>6} {'added µs':>9}"]
    for name, mine in pairs.items():
        step = statistics.median(seconds for seconds, _ in mine)
        ratio, error = median_and_error([seconds / bare for seconds, bare in mine])
        added = statistics.median(seconds - bare for seconds, bare in mine)
        lines.append(f"  {name:42} {1e6 * step:10.1f} {ratio:10.3f} {error:6.3f} {1e6 * added:9.1f}")
    return "\n".join(lines)
