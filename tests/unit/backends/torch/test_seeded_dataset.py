from __future__ import annotations

import pytest
from torch.utils.data import DataLoader, WeightedRandomSampler

from tests.unit.backends.torch.loader_cases import Augmented, Batched, epoch_of, mark_opened, opened

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")


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
