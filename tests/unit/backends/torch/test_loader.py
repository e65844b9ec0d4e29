from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler, RandomSampler, Subset, WeightedRandomSampler

from lineside.backends.torch.generators import GeneratorStates, seed_all
from lineside.backends.torch.loader import ResumableLoader
from lineside.errors import OptionError
from tests.unit.backends.torch.loader_cases import Augmented, Batched, Drawing, Shuffled, Stream, epoch_of, plain

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")


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
        "iterable with workers": lambda: DataLoader(Stream(), batch_size=4, num_workers=2),
        "list": lambda: [[1.0], [2.0], [3.0], [4.0]],
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


DRAWING: dict[str, Callable[[], Any]] = {
    "map-style, read in this process": lambda: DataLoader(Augmented(), 4, shuffle=True),
    "iterable, read in this process": lambda: DataLoader(Shuffled(), 4),
    "any iterable": Drawing,
}


@pytest.mark.parametrize("name", loaders().keys() | DRAWING.keys())
def test_an_interrupted_epoch_goes_on_with_the_generators_of_its_checkpoint(name: str) -> None:
    make = (loaders() | DRAWING)[name]
    seed_all(8)
    iteration = ResumableLoader(make(), 1, "train").batches(2)
    for _ in range(2):
        next(iteration)
    saved = GeneratorStates.capture()
    expected = [plain(batch) for batch in iteration]
    seed_all(99)
    again = ResumableLoader(make(), 1, "train").batches(2, skip=2)
    saved.restore()
    assert [plain(batch) for batch in again] == expected
    assert expected


@pytest.mark.parametrize("name", loaders())
def test_iterating_leaves_the_generators_of_the_process_alone(name: str) -> None:
    source = ResumableLoader(loaders()[name](), 1, "train")
    seed_all(5)
    before = GeneratorStates.capture().plain()
    for _ in source.batches(0):
        assert GeneratorStates.capture().plain() == before
    assert GeneratorStates.capture().plain() == before


def test_lengths() -> None:
    assert ResumableLoader(DataLoader(Augmented(21), 4), 0, "train").length == 6
    assert ResumableLoader(DataLoader(Stream(), 4), 0, "train").length is None
    assert ResumableLoader([1, 2], 0, "train").length == 2
    assert ResumableLoader(Drawing(), 0, "train").length == 6
    assert ResumableLoader(iter([1]), 0, "train").length is None


def test_workers_are_those_that_the_loader_tells() -> None:
    assert ResumableLoader(DataLoader(Augmented(21), 4), 0, "train").workers == 0
    assert ResumableLoader(DataLoader(Augmented(21), 4, num_workers=2), 0, "train").workers == 2
    assert ResumableLoader([1, 2], 0, "train").workers is None


def test_an_iterator_is_passed_over_once_and_says_so() -> None:
    def endless() -> Iterator[int]:
        yield from range(10)

    source = ResumableLoader(endless(), 0, "train")
    assert not source.exact
    assert "iterator" in str(source.inexact_reason)
    assert list(source.batches(0, skip=2)) == list(range(2, 10))
    assert list(source.batches(1)) == []


@pytest.mark.parametrize(
    ("wrong", "word"),
    [(3, "cannot be iterated"), (None, "cannot be iterated"), (Augmented(), "wrap it"), ({"train": []}, "one loader")],
)
def test_what_gives_no_batches_is_refused(wrong: object, word: str) -> None:
    with pytest.raises(OptionError, match=f"The val data is a {type(wrong).__name__}.*{word}"):
        ResumableLoader(wrong, 0, "val")
