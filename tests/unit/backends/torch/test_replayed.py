from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from torch.utils.data import DataLoader

from lineside.backends.torch.loader import ResumableLoader
from tests.unit.backends.torch.loader_cases import Stream, epoch_of


def test_workers_of_an_iterable_dataset_that_live_on_are_named() -> None:
    loader = DataLoader(Stream(), 4, num_workers=1, persistent_workers=True)
    assert "persistent_workers=False" in str(ResumableLoader(loader, 0, "train").inexact_reason)


def test_a_subclass_that_iterates_in_its_own_way_is_left_to_it() -> None:
    class Doubling(DataLoader[Any]):
        def __iter__(self) -> Iterator[Any]:
            for batch in super().__iter__():
                yield batch
                yield batch

    loader = Doubling(list(range(8)), 4, shuffle=True)
    whole = epoch_of(loader, 0)
    assert len(whole) == 4
    assert whole[0] == whole[1]
    assert epoch_of(loader, 0, skip=3) == whole[3:]


def test_a_shuffle_buffer_is_not_exact_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    loader = DataLoader(Stream(), 4)
    assert len(list(ResumableLoader(loader, 1, "train").batches(0, skip=1))) == 4
    assert "drew random numbers for batches that were passed over" not in caplog.text  # the first is drawn in a stream
    assert len(list(ResumableLoader(loader, 1, "train").batches(0, skip=2))) == 3
    assert "DataLoader drew random numbers for batches that were passed over" in caplog.text


def test_what_does_not_draw_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def squares() -> Iterator[int]:
        yield from (1, 4, 9, 16)

    class Squares:
        def __iter__(self) -> Iterator[int]:
            return squares()

    assert list(ResumableLoader(Squares(), 1, "train").batches(0, skip=3)) == [16]
    assert list(ResumableLoader(Squares(), 1, "train").batches(0, skip=9)) == []
    assert caplog.text == ""
