"""Data that the loader's tests read; at module level, so that worker processes that are spawned can import it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, Sampler, get_worker_info

from lineside.backends.torch.generators import seed_all
from lineside.backends.torch.loader import ResumableLoader

ELSEWHERE = itertools.count()


def _noise() -> float:
    return np.random.rand()  # noqa: NPY002 - the generator that most data sets draw from


class Augmented(Dataset[Tensor]):
    """Samples of four numbers: the index, and noise of each of the three generators."""

    def __init__(self, length: int = 20) -> None:
        self.length = length
        self.loaded: list[Any] = []
        self.opened = False

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Tensor:
        self.loaded.append(index)
        return torch.tensor([float(index), random.random(), _noise(), torch.rand(()).item()])


class Seeds(Dataset[int]):
    """Gives the seed of the worker, which a ``worker_init_fn`` may use."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> int:
        info = get_worker_info()
        assert info is not None
        return info.seed


class Batched(Augmented):
    """Fetches a whole batch at once."""

    def __getitems__(self, indices: list[int]) -> list[Tensor]:
        return [self[index] for index in indices]


class Stream(IterableDataset[Tensor]):
    """Gives its samples in a random order, through a buffer, as streaming data sets do."""

    def __init__(self, length: int = 20) -> None:
        self.length = length

    def __iter__(self) -> Iterator[Tensor]:
        worker = get_worker_info()
        first, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        buffer: list[int] = []
        for index in range(first, self.length, stride):
            buffer.append(index)
            if len(buffer) == 4:
                yield self._sample(buffer.pop(random.randrange(4)))
        while buffer:
            yield self._sample(buffer.pop(random.randrange(len(buffer))))

    def _sample(self, index: int) -> Tensor:
        return torch.tensor([float(index), random.random(), _noise(), torch.rand(()).item()])


class Shuffled(Stream):
    """Shuffles at the beginning, by the global generator; noise is drawn as it goes."""

    def __iter__(self) -> Iterator[Tensor]:
        order = list(range(self.length))
        random.shuffle(order)
        for index in order:
            yield self._sample(index)


class Endless(Sampler[int]):
    """Has no end, and draws from the global generator as it goes."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.drawn = 0

    def __iter__(self) -> Iterator[int]:
        while True:
            self.drawn += 1
            yield random.randrange(self.length)


class Drawing:
    """An iterable of batches that is no DataLoader, and draws from the global generators as it goes."""

    def __iter__(self) -> Iterator[list[float]]:
        for _ in range(6):
            yield [random.random(), _noise(), torch.rand(()).item()]

    def __len__(self) -> int:
        return 6


class Placed:
    """An iterable of batches that knows its place, as torchdata's StatefulDataLoader does."""

    def __init__(self, length: int = 6) -> None:
        self.length = length
        self.place = 0
        self.passed_over = 0

    def __iter__(self) -> Iterator[float]:
        while self.place < self.length:
            self.place += 1
            self.passed_over += 1
            yield self.place + random.random()
        self.place = 0

    def state_dict(self) -> dict[str, Any]:
        return {"place": self.place, "shape": (1, 2), "tensor": torch.tensor([self.place])}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        assert state["shape"] == (1, 2)
        assert state["tensor"].tolist() == [state["place"]]
        self.place = state["place"]


def mark_opened(worker: int) -> None:
    """A ``worker_init_fn`` that reads and sets attributes of the dataset."""
    info = get_worker_info()
    assert info is not None
    assert info.dataset.length == 20
    info.dataset.opened = True


def opened(samples: list[Tensor]) -> Tensor:
    """A ``collate_fn`` that draws random numbers, as mix-up does, and tells whether the dataset was opened."""
    info = get_worker_info()
    assert info is not None
    assert info.dataset._dataset.opened
    return torch.cat([torch.stack(samples).flatten(), torch.rand(1)])


def plain(batch: Any) -> Any:
    return batch.tolist() if isinstance(batch, torch.Tensor) else batch


def epoch_of(loader: Any, epoch: int, skip: int = 0, *, seed: int = 1, purpose: str = "train") -> list[Any]:
    """Return an epoch as a fresh process would see it: a new wrapper, and generators that stand elsewhere."""
    seed_all(next(ELSEWHERE))
    return [plain(batch) for batch in ResumableLoader(loader, seed, purpose).batches(epoch, skip)]
