from __future__ import annotations

import multiprocessing
import os
import signal
from typing import Any

import pytest
from torch.utils.data import DataLoader

from lineside.backends.torch.loader import ResumableLoader
from tests.unit.backends.torch.loader_cases import Augmented, Stream, epoch_of, plain

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")


@pytest.mark.parametrize("dataset", [Augmented(), Stream()])
def test_workers_leave_signals_to_the_training_process(dataset: Any) -> None:
    loader = DataLoader(dataset, 2, num_workers=1, prefetch_factor=1)
    expected = epoch_of(loader, 0)
    iteration = ResumableLoader(loader, 1, "train").batches(0)
    got = [plain(next(iteration))]
    for number in (signal.SIGINT, signal.SIGTERM):
        for worker in multiprocessing.active_children():
            os.kill(worker.pid, number)
    got += [plain(batch) for batch in iteration]
    assert got == expected
    assert multiprocessing.active_children() == []
