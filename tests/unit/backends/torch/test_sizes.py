from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, RandomSampler, SequentialSampler, TensorDataset

from lineside.backends.torch.sizes import Sizes

DATA = TensorDataset(torch.arange(11.0))


@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"drop_last": True}, {"sampler": RandomSampler(DATA)}])
@pytest.mark.parametrize("full", [1, 3, 4, 11, 20])
def test_sizes_are_those_of_the_batches(full: int, options: dict[str, Any]) -> None:
    loader = DataLoader(DATA, batch_size=full, **options)
    drawn = [len(batch[0]) for batch in loader]
    sizes = Sizes.told_by(loader)
    assert sizes is not None
    assert [sizes.of(index) for index in range(len(drawn))] == drawn
    assert sizes.of_several(0, len(drawn)) == drawn
    assert sizes.of_several(1, len(drawn) - 1) == drawn[1:]


class Pairs(BatchSampler):
    """Draws otherwise."""


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter(range(11))


class Endless:
    def __iter__(self) -> Any:
        return iter(range(11))


@pytest.mark.parametrize(
    "loader",
    [
        DataLoader(DATA, batch_sampler=Pairs(SequentialSampler(DATA), 2, drop_last=False)),
        DataLoader(DATA, batch_sampler=[[0, 1], [2]]),
        DataLoader(DATA, sampler=Endless(), batch_size=2),
        DataLoader(Stream(), batch_size=2),
        DataLoader(DATA, batch_size=None),
        [1, 2, 3],
        None,
    ],
)
def test_of_others_nobody_knows(loader: Any) -> None:
    assert Sizes.told_by(loader) is None


def test_several_processes_share_a_batch() -> None:
    sizes = Sizes(10, 4, processes=2)
    assert sizes.of_several(0, 3) == [8, 8, 4]
