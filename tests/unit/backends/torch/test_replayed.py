from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader

from lineside.backends.torch.loader import ResumableLoader
from tests.unit.backends.torch.loader_cases import Augmented, Stream, epoch_of


def test_workers_of_an_iterable_dataset_that_live_on_are_named() -> None:
    loader = DataLoader(Stream(), 4, num_workers=1, persistent_workers=True)
    assert "persistent_workers=False" in str(ResumableLoader(loader, 0, "train").inexact_reason)


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
