from __future__ import annotations

import copy
import multiprocessing

import pytest
from torch.utils.data import DataLoader

from lineside.backends.torch.loader import ResumableLoader
from tests.unit.backends.torch.loader_cases import Augmented, Seeds, epoch_of, plain

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")


def test_batches_that_are_skipped_are_not_loaded() -> None:
    data = Augmented()
    source = ResumableLoader(DataLoader(data, 4, shuffle=True), 1, "train")
    list(source.batches(0))
    order, data.loaded = data.loaded, []
    list(source.batches(0, skip=3))
    assert data.loaded == order[12:]


def test_without_workers_the_dataset_is_not_wrapped() -> None:
    data = Augmented()
    assert ResumableLoader(DataLoader(data, 4), 1, "train")._epochs._loader.dataset is data


def test_leaving_early_ends_the_workers() -> None:
    source = ResumableLoader(DataLoader(Augmented(), 4, shuffle=True, num_workers=2), 1, "train")
    iteration = source.batches(0)
    next(iteration)
    inner = iteration.gi_frame.f_locals["iterator"]  # held, as the traceback of an error would hold it
    assert [worker.is_alive() for worker in inner._workers] == [True, True]
    iteration.close()
    assert [worker.is_alive() for worker in inner._workers] == [False, False]


def test_the_seeds_of_workers_are_those_of_the_epoch() -> None:
    def seeds(*epochs: int) -> list[int]:
        source = ResumableLoader(DataLoader(Seeds(), 2, num_workers=1), 1, "train")
        return [next(source.batches(epoch))[0].item() for epoch in epochs]

    first, second = seeds(0, 1)
    assert first != second
    assert seeds(1) == [second]


def test_persistent_workers_live_on() -> None:
    source = ResumableLoader(DataLoader(Augmented(), 4, num_workers=1, persistent_workers=True), 1, "train")
    pids = []
    for epoch in range(2):
        iteration = source.batches(epoch)
        next(iteration)
        pids.append([worker.pid for worker in iteration.gi_frame.f_locals["iterator"]._workers])
        iteration.close()
    assert pids[0] == pids[1]


def test_the_users_loader_is_left_as_it_was() -> None:
    loader = DataLoader(Augmented(), 4, shuffle=True, num_workers=1)
    before = copy.copy(vars(loader))
    epoch_of(loader, 0)
    assert vars(loader) == before


def test_workers_that_persist_end_with_the_run() -> None:
    before = set(multiprocessing.active_children())
    source = ResumableLoader(DataLoader(Augmented(), 4, num_workers=1, persistent_workers=True), 1, "train")
    first = [plain(batch) for batch in source.batches(0)]
    assert len(set(multiprocessing.active_children()) - before) == 1
    source.close()
    assert set(multiprocessing.active_children()) == before
    assert [plain(batch) for batch in source.batches(0)] == first
    source.close()
