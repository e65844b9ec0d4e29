from __future__ import annotations

from pathlib import Path

import pytest

from lineside.checkpoints.writer import CheckpointStore
from lineside.testing.clock import FakeClock
from tests.unit.checkpoints.toys import RUN


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> CheckpointStore:
    return CheckpointStore(tmp_path / "checkpoints", RUN, clock=clock.time)
