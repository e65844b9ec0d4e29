from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from lineside.run import Run, session


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking git and every installed package takes a quarter of a second a run, and has tests of its own."""
    monkeypatch.setattr(session, "environment", dict)
    monkeypatch.setattr(session, "git_state", lambda path: None)


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process wrote outlives its death without this; only a power loss would tell the difference."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def run_dir() -> Iterator[Path]:
    """Where runs lie: in memory where that is possible, since what a database syncs is not in our hands."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(prefix="lineside-", dir=memory if memory.is_dir() else None) as directory:
        yield Path(directory)


@pytest.fixture
def make_run(run_dir: Path) -> Callable[..., Run]:
    """Make runs without a model in a directory of the test: ``make_run(callback, another, resume="auto")``."""

    def make(*callbacks: Any, **options: Any) -> Run:
        return Run(callbacks=callbacks, **{"run_dir": run_dir, **options})

    return make
