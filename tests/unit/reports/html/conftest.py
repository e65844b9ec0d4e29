from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.unit.reports.html.recorded import Recorded


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process wrote outlives its death without this; only a power loss would tell the difference."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    """A run that a test writes by hand, in memory where that is possible."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(prefix="lineside-", dir=memory if memory.is_dir() else None) as directory:
        run = Recorded(Path(directory))
        yield run
        run.end()
