"""Batches that tell how long the loop around them takes, whatever framework the loop belongs to."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import nn

STEPS = 600
WARM_UP = 100
ROUNDS = 9
THREADS = 1
BATCH = 16
WIDTH = 32


@dataclass
class TimedBatches:
    """The same few batches again and again; the clock runs from the end of the warm-up to the last batch."""

    steps: int = STEPS
    seconds_per_step: float = 0.0

    def __post_init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self._batches = [
            (torch.randn(BATCH, WIDTH, generator=generator), torch.randint(0, 10, (BATCH,), generator=generator))
            for _ in range(8)
        ]

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        start = 0.0
        for step in range(self.steps):
            if step == WARM_UP:
                start = perf_counter()
            if step == self.steps - 1:
                # Here and not after the loop: an engine that knows the length never asks for the end.
                self.seconds_per_step = (perf_counter() - start) / (self.steps - 1 - WARM_UP)
            yield self._batches[step % len(self._batches)]


def tiny() -> tuple[nn.Module, torch.optim.Optimizer]:
    """Return a model whose bare step takes a few hundred microseconds, so that every microsecond beside it shows."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10))
    return model, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)


Contestant = Callable[[TimedBatches], None]


def race(contestants: Mapping[str, Contestant], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Let everybody run in turn, `rounds` times; return seconds per step, a list for each.

    Taking turns spreads the swings of a busy machine over all of them.
    """
    torch.set_num_threads(THREADS)
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, contestant in contestants.items():
            batches = TimedBatches()
            contestant(batches)
            if turn:
                times[name].append(batches.seconds_per_step)
    return times


def report(title: str, times: Mapping[str, list[float]], base: str) -> str:
    """Return a table of medians, and of the medians of the ratios to the base within each round."""
    lines = [title, f"  {'':38} {'µs a step':>10} {'ratio':>7} {'added µs':>9}"]
    for name, mine in times.items():
        ratio = statistics.median(one / bare for one, bare in zip(mine, times[base], strict=True))
        added = statistics.median(one - bare for one, bare in zip(mine, times[base], strict=True))
        lines.append(f"  {name:38} {1e6 * statistics.median(mine):10.1f} {ratio:7.3f} {1e6 * added:9.1f}")
    return "\n".join(lines)
