from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path
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


LEFT_BY_AN_ERROR = """
from torch.utils.data import DataLoader
from lineside.backends.torch.loader import ResumableLoader
from tests.unit.backends.torch.loader_cases import Augmented

def train():
    loader = DataLoader(Augmented(), 2, num_workers=1, persistent_workers={persistent})
    source = ResumableLoader(loader, 1, "train")
    batches = source.batches(0)
    next(batches)
    raise ValueError("a bug of the user's")

train()
"""


@pytest.mark.slow
@pytest.mark.parametrize("persistent", [False, True])
def test_a_process_that_an_error_ends_does_not_wait_for_its_workers(persistent: bool) -> None:
    root = Path(__file__).resolve().parents[4]
    done = subprocess.run(
        [sys.executable, "-c", LEFT_BY_AN_ERROR.format(persistent=persistent)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"},
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 1
    assert done.stderr.endswith("ValueError: a bug of the user's\n")
