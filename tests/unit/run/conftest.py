from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lineside.run import Run, session


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking git and every installed package takes a quarter of a second a run, and has tests of its own."""
    monkeypatch.setattr(session, "environment", dict)
    monkeypatch.setattr(session, "git_state", lambda path: None)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def make_run(run_dir: Path) -> Callable[..., Run]:
    """Make runs without a model in a directory of the test: ``make_run(callback, another, resume="auto")``."""

    def make(*callbacks: Any, **options: Any) -> Run:
        return Run(callbacks=callbacks, **{"run_dir": run_dir, **options})

    return make
