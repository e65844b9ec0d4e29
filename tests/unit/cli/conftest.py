from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineside.run import session
from tests.unit.cli import written_runs
from tests.unit.cli.written_live import Training


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs: digits/cnn and words/lstm came to their ends, digits/broken failed, digits/dead was killed."""
    run_dir = tmp_path_factory.mktemp("written")
    with pytest.MonkeyPatch.context() as patch:
        # Asking git and every installed package takes long, and has tests of its own.
        patch.setattr(session, "environment", lambda: dict(written_runs.ENVIRONMENT))
        patch.setattr(session, "git_state", lambda path: {"commit": "a" * 40, "branch": "main", "dirty": True})
        patch.setattr(os, "fsync", lambda descriptor: None)
        written_runs.completed(run_dir)
        written_runs.stopped(run_dir)
        written_runs.failed(run_dir)
    written_runs.killed(run_dir)
    return run_dir


@pytest.fixture
def training(tmp_path: Path) -> Iterator[Training]:
    """A run whose lock this process holds; what happens in it, a test says."""
    run = written_runs.killed(tmp_path, age=0.0)
    run.lock()
    training = Training(run)
    yield training
    training.writer.close()
    run.unlock()
