from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset, WeightedRandomSampler

from lineside.backends.torch.loader import ResumableLoader
from tests.unit.backends.torch.loader_cases import Augmented, Endless, Stream, epoch_of

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")


def test_every_sample_comes_once_in_a_shuffled_epoch() -> None:
    batches = epoch_of(DataLoader(Augmented(), batch_size=4, shuffle=True, num_workers=2), 0)
    assert sorted(sample[0] for batch in batches for sample in batch) == list(range(20))
    order = [sample[0] for batch in batches for sample in batch]
    assert order != sorted(order)


def test_weights_of_a_sampler_count() -> None:
    data = TensorDataset(torch.arange(2))
    sampler = WeightedRandomSampler([0.0, 1.0], 8)
    batches = ResumableLoader(DataLoader(data, 4, sampler=sampler), 1, "train").batches(0)
    assert [batch[0].tolist() for batch in batches] == [[1] * 4] * 2


def test_a_sampler_without_an_end_is_asked_for_no_more_than_a_few() -> None:
    sampler = Endless(20)
    loader = DataLoader(Augmented(), 4, sampler=sampler)
    source = ResumableLoader(loader, 1, "train")
    assert source.length is None
    iteration = source.batches(0, skip=2)
    drawn = [next(iteration)[:, 0].tolist() for _ in range(3)]
    assert sampler.drawn <= 4 * 1024
    iteration = source.batches(0)
    assert [next(iteration)[:, 0].tolist() for _ in range(5)][2:] == drawn


def test_an_order_longer_than_what_is_drawn_at_once_is_whole_and_repeats() -> None:
    data = TensorDataset(torch.arange(3000))
    loader = DataLoader(data, 1, shuffle=True)
    whole = [batch[0].item() for batch in ResumableLoader(loader, 1, "train").batches(0)]
    assert sorted(whole) == list(range(3000))
    tail = ResumableLoader(loader, 1, "train").batches(0, skip=2500)
    assert [batch[0].item() for batch in tail] == whole[2500:]


def test_the_users_generator_chooses_the_order_and_is_left_as_it_was() -> None:
    def order(seed: int) -> list[Any]:
        loader = DataLoader(
            TensorDataset(torch.arange(50)), 5, shuffle=True, generator=torch.Generator().manual_seed(seed)
        )
        before = loader.generator.get_state()
        batches = [batch[0].tolist() for batch in ResumableLoader(loader, 1, "train").batches(0)]
        assert torch.equal(loader.generator.get_state(), before)
        return batches

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_set_epoch_is_called_where_it_exists() -> None:
    data = TensorDataset(torch.arange(20))
    sampler = DistributedSampler(data, 2, 0, seed=3)
    batches = ResumableLoader(DataLoader(data, 5, sampler=sampler), 1, "train").batches(4)
    got = [index for batch in batches for index in batch[0].tolist()]
    direct = DistributedSampler(data, 2, 0, seed=3)
    direct.set_epoch(4)
    assert got == list(direct)  # what torch itself gives in that epoch


def test_generators_that_nobody_saves_are_named() -> None:
    for generator in (random.Random(0), np.random.default_rng(0), np.random.RandomState(0)):
        data = Augmented()
        data.rng = generator
        for workers in (0, 2):
            reason = ResumableLoader(DataLoader(data, 4, num_workers=workers), 0, "train").inexact_reason
            assert reason is not None
            assert "Augmented.rng" in reason
        stream = Stream()
        stream.rng = generator
        assert "Stream.rng" in str(ResumableLoader(DataLoader(stream, 4), 0, "train").inexact_reason)
