from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    RandomSampler,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
)

from lineside.backends.torch.generators import GeneratorStates, seed_all
from lineside.backends.torch.loader import ResumableLoader
from lineside.errors import OptionError
from tests.unit.backends.torch.loader_cases import (
    Augmented,
    Batched,
    Endless,
    Placed,
    Shuffling,
    Stream,
    mark_opened,
    opened,
)

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")


def plain(batch: Any) -> Any:
    return batch.tolist() if isinstance(batch, torch.Tensor) else batch


def epoch_of(loader: Any, epoch: int, skip: int = 0, *, seed: int = 1, purpose: str = "train") -> list[Any]:
    """Return an epoch as a fresh process would see it: a new wrapper, and generators that stand elsewhere."""
    seed_all(random.SystemRandom().randrange(2**32))
    return [plain(batch) for batch in ResumableLoader(loader, seed, purpose).batches(epoch, skip)]


def weighted(dataset: Augmented) -> WeightedRandomSampler:
    return WeightedRandomSampler([1.0 + index for index in range(len(dataset))], len(dataset))


def loaders() -> dict[str, Callable[[], Any]]:
    data = Augmented()
    own = torch.Generator().manual_seed(9)
    return {
        "shuffled": lambda: DataLoader(Augmented(), batch_size=4, shuffle=True, num_workers=2),
        "in order": lambda: DataLoader(Augmented(), batch_size=4, num_workers=1),
        "last one dropped": lambda: DataLoader(
            Augmented(21), batch_size=4, shuffle=True, drop_last=True, num_workers=2, prefetch_factor=3
        ),
        "generator of the user's": lambda: DataLoader(
            Augmented(), batch_size=4, shuffle=True, generator=own, num_workers=1
        ),
        "weighted": lambda: DataLoader(data, batch_size=4, sampler=weighted(data), num_workers=2),
        "batch sampler": lambda: DataLoader(
            data, batch_sampler=BatchSampler(RandomSampler(data), 3, drop_last=False), num_workers=2
        ),
        "distributed": lambda: DataLoader(data, 4, sampler=DistributedSampler(data, 2, 1), num_workers=1),
        "no batches": lambda: DataLoader(data, batch_size=None, shuffle=True, num_workers=1),
        "fetched by batch": lambda: DataLoader(Batched(), batch_size=4, shuffle=True, num_workers=1),
        "subset": lambda: DataLoader(Subset(Augmented(), range(4, 16)), 4, shuffle=True, num_workers=1),
        "persistent": lambda: DataLoader(
            Augmented(), batch_size=4, shuffle=True, num_workers=2, persistent_workers=True
        ),
        "iterable": lambda: DataLoader(Stream(), batch_size=4),
        "iterable with workers": lambda: DataLoader(Stream(), batch_size=4, num_workers=2),
        "list": lambda: [[1.0], [2.0], [3.0], [4.0]],
        "any iterable": Shuffling,
    }


@pytest.mark.parametrize("name", loaders())
def test_an_epoch_can_be_repeated_and_entered_in_the_middle(name: str) -> None:
    make = loaders()[name]
    expected = epoch_of(make(), 3)
    assert len(expected) >= 3
    assert epoch_of(make(), 3) == expected
    assert epoch_of(make(), 3, skip=2) == expected[2:]
    assert ResumableLoader(make(), 1, "train").inexact_reason is None


@pytest.mark.parametrize("name", sorted(loaders().keys() - {"list"}))
def test_another_epoch_seed_or_purpose_gives_other_batches(name: str) -> None:
    loader = loaders()[name]()
    first = epoch_of(loader, 0)
    assert epoch_of(loader, 1) != first
    assert epoch_of(loader, 0, seed=2) != first
    assert epoch_of(loader, 0, purpose="val") != first


@pytest.mark.parametrize("name", loaders())
def test_a_second_epoch_of_one_wrapper_is_that_of_a_fresh_one(name: str) -> None:
    make = loaders()[name]
    source = ResumableLoader(make(), 1, "train")
    iteration = source.batches(0)
    next(iteration)
    iteration.close()  # left early, with batches on their way
    assert [plain(batch) for batch in source.batches(1)] == epoch_of(make(), 1)
    assert [plain(batch) for batch in source.batches(2, 1)] == epoch_of(make(), 2)[1:]


@pytest.mark.parametrize("name", loaders())
def test_iterating_leaves_the_generators_of_the_process_alone(name: str) -> None:
    source = ResumableLoader(loaders()[name](), 1, "train")
    seed_all(5)
    before = GeneratorStates.capture().plain()
    for _ in source.batches(0):
        assert GeneratorStates.capture().plain() == before
    assert GeneratorStates.capture().plain() == before


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


def test_a_sample_that_is_drawn_twice_is_augmented_in_two_ways() -> None:
    sampler = WeightedRandomSampler([1.0] + [0.0] * 19, 8)
    batches = epoch_of(DataLoader(Augmented(), 4, sampler=sampler, num_workers=2), 0)
    samples = [tuple(sample) for batch in batches for sample in batch]
    assert {sample[0] for sample in samples} == {0.0}
    assert len(set(samples)) == 8


def test_every_generator_is_seeded_for_every_sample() -> None:
    for dataset in (Augmented(), Batched()):
        batches = epoch_of(DataLoader(dataset, 4, num_workers=1), 0)
        for column in (1, 2, 3):
            assert len({sample[column] for batch in batches for sample in batch}) == 20


def test_the_number_of_workers_does_not_matter() -> None:
    two = epoch_of(DataLoader(Augmented(), 4, shuffle=True, num_workers=2), 0)
    assert epoch_of(DataLoader(Augmented(), 4, shuffle=True, num_workers=1), 0) == two


def test_batches_that_are_skipped_are_not_loaded() -> None:
    data = Augmented()
    source = ResumableLoader(DataLoader(data, 4, shuffle=True), 1, "train")
    list(source.batches(0))
    order, data.loaded = data.loaded, []
    list(source.batches(0, skip=3))
    assert data.loaded == order[12:]


def test_without_workers_the_dataset_draws_from_the_process_and_is_not_wrapped() -> None:
    data = Augmented()
    source = ResumableLoader(DataLoader(data, 4, shuffle=True), 1, "train")
    seed_all(8)
    expected = [batch.tolist() for batch in source.batches(2)]
    seed_all(8)
    iteration = source.batches(2)
    first = [next(iteration).tolist() for _ in range(2)]
    saved = GeneratorStates.capture()
    iteration.close()
    seed_all(99)
    again = ResumableLoader(DataLoader(Augmented(), 4, shuffle=True), 1, "train").batches(2, skip=2)
    saved.restore()
    assert first + [batch.tolist() for batch in again] == expected
    assert source._epochs._loader.dataset is data


def test_workers_see_the_users_dataset_and_collation() -> None:
    loader = DataLoader(
        Augmented(), 4, shuffle=True, num_workers=1, worker_init_fn=mark_opened, collate_fn=opened, timeout=60
    )
    expected = epoch_of(loader, 0)
    assert len(expected[0]) == 4 * 4 + 1
    assert epoch_of(loader, 0, skip=3) == expected[3:]


@pytest.mark.slow
def test_workers_that_are_spawned_give_what_forked_ones_give() -> None:
    spawned = DataLoader(Augmented(8), 4, shuffle=True, num_workers=1, multiprocessing_context="spawn")
    assert epoch_of(spawned, 0) == epoch_of(DataLoader(Augmented(8), 4, shuffle=True, num_workers=1), 0)


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
        loader = DataLoader(TensorDataset(torch.arange(50)), 5, shuffle=True, generator=torch.Generator().manual_seed(seed))
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


def test_leaving_early_ends_the_workers() -> None:
    source = ResumableLoader(DataLoader(Augmented(), 4, shuffle=True, num_workers=2), 1, "train")
    stopped: list[Any] = []
    iteration = source.batches(0)
    next(iteration)
    workers = iteration.gi_frame.f_locals["iterator"]._workers
    assert [worker.is_alive() for worker in workers] == [True, True]
    stopped.extend(workers)
    iteration.close()
    assert [worker.is_alive() for worker in stopped] == [False, False]


def test_persistent_workers_live_on() -> None:
    source = ResumableLoader(DataLoader(Augmented(), 4, num_workers=1, persistent_workers=True), 1, "train")
    pids = []
    for epoch in range(2):
        iteration = source.batches(epoch)
        next(iteration)
        pids.append([worker.pid for worker in iteration.gi_frame.f_locals["iterator"]._workers])
        iteration.close()
    assert pids[0] == pids[1]


def test_lengths() -> None:
    assert ResumableLoader(DataLoader(Augmented(21), 4), 0, "train").length == 6
    assert ResumableLoader(DataLoader(Stream(), 4), 0, "train").length is None
    assert ResumableLoader([1, 2], 0, "train").length == 2
    assert ResumableLoader(Shuffling(), 0, "train").length == 6
    assert ResumableLoader(iter([1]), 0, "train").length is None


def test_an_iterator_is_passed_over_once_and_says_so() -> None:
    def endless() -> Iterator[int]:
        yield from range(10)

    source = ResumableLoader(endless(), 0, "train")
    assert not source.exact
    assert "iterator" in str(source.inexact_reason)
    assert list(source.batches(0, skip=2)) == list(range(2, 10))
    assert list(source.batches(1)) == []


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


def test_workers_of_an_iterable_dataset_that_live_on_are_named() -> None:
    loader = DataLoader(Stream(), 4, num_workers=1, persistent_workers=True)
    assert "persistent_workers=False" in str(ResumableLoader(loader, 0, "train").inexact_reason)


def test_a_loader_with_a_state_goes_on_from_it() -> None:
    whole = [plain(batch) for batch in ResumableLoader(Placed(), 1, "train").batches(0)]
    source = ResumableLoader(Placed(), 1, "train")
    iteration = source.batches(0)
    first = [next(iteration) for _ in range(2)]
    state = json.loads(json.dumps(source.state(), allow_nan=False))
    fresh = Placed()
    resumed = ResumableLoader(fresh, 1, "train")
    resumed.load_state(state)
    assert first + list(resumed.batches(0, skip=2)) == whole
    assert fresh.passed_over == 4  # nothing was loaded twice
    assert list(resumed.batches(1)) == list(ResumableLoader(Placed(), 1, "train").batches(1))
    assert resumed.exact


def test_a_loader_with_a_state_but_none_given_is_replayed() -> None:
    whole = list(ResumableLoader(Placed(), 1, "train").batches(0))
    assert list(ResumableLoader(Placed(), 1, "train").batches(0, skip=4)) == whole[4:]


def test_other_loaders_have_no_state() -> None:
    source = ResumableLoader([1], 0, "train")
    assert source.state() is None
    source.load_state(None)
    assert list(source.batches(0)) == [1]


def test_a_subclass_that_iterates_in_its_own_way_is_left_to_it() -> None:
    class Doubling(DataLoader[Any]):
        def __iter__(self) -> Iterator[Any]:
            for batch in super().__iter__():
                yield batch
                yield batch

    loader = Doubling(Augmented(8), 4, shuffle=True)
    whole = epoch_of(loader, 0)
    assert len(whole) == 4
    assert whole[0] == whole[1]
    assert epoch_of(loader, 0, skip=3) == whole[3:]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [(3, "cannot be iterated"), (None, "cannot be iterated"), (Augmented(), "wrap it"), ({"train": []}, "one loader")],
)
def test_what_gives_no_batches_is_refused(wrong: object, word: str) -> None:
    with pytest.raises(OptionError, match=f"The val data is a {type(wrong).__name__}.*{word}"):
        ResumableLoader(wrong, 0, "val")


def test_the_users_loader_is_left_as_it_was() -> None:
    loader = DataLoader(Augmented(), 4, shuffle=True, num_workers=1)
    before = copy.copy(vars(loader))
    epoch_of(loader, 0)
    assert vars(loader) == before
