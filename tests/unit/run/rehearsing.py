"""What the tests of rehearsals share: a callback that rehearses, small data, and ways to look at a training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lineside.callback import Callback


class Rehearses(Callback):
    """Rehearses at a rate that wrecks the model, and counts what it saw."""

    on_error = "raise"
    needs = frozenset({"rehearse", "schedule_lr"})

    def __init__(self, steps: int = 7, then: Callable[[Any], None] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.steps = steps
        self.then = then
        self.seen: list[tuple[int, int]] = []
        self.done: list[int] = []

    def on_train_start(self, run: Any) -> None:
        if not self.done:
            run.rehearse(self.steps, lambda: self.finish(run))

    def on_batch_start(self, run: Any) -> None:
        if run.rehearsing:
            run.schedule_lr(50.0)
            run.log({"noise": float(torch.rand(()))})

    def on_batch_end(self, run: Any) -> None:
        if run.rehearsing:
            self.seen.append((run.step, run.batch))

    def finish(self, run: Any) -> None:
        self.done.append(run.step)
        if self.then is not None:
            self.then(run)

    def state_dict(self) -> dict[str, Any]:
        return {"done": self.done}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.done = list(state["done"])


class Losses(Callback):
    """Keeps the loss, the rate and the first input of every training batch that it is shown."""

    def __init__(self) -> None:
        super().__init__(on_error="raise")
        self.seen: list[tuple[int, float, float, float]] = []

    def on_batch_end(self, run: Any) -> None:
        loss = float(run.batch_metrics["loss"])
        self.seen.append((run.step, loss, next(iter(run.lr.values())), float(run.batch_data[0].flatten()[0])))


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))


def loader(**options: Any) -> DataLoader[Any]:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(30, 4, generator=generator)
    data = TensorDataset(inputs, (inputs.sum(1) > 0).long())
    return DataLoader(data, **{"batch_size": 10, "shuffle": True, **options})


class KeepsItsPlace:
    """A loader that goes on from where it is."""

    def __init__(self) -> None:
        self.place = 0
        self.batches = list(loader(shuffle=False))

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        while self.place < len(self.batches):
            self.place += 1
            yield self.batches[self.place - 1]
        self.place = 0

    def state_dict(self) -> dict[str, int]:
        return {"place": self.place}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        self.place = state["place"]


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(torch.equal(mine, yours) for (_, mine), (_, yours) in pairs)


def look(run: Any) -> tuple[int, int, int]:
    return run.step, run.batch, run.samples
