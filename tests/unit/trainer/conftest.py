from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import lineside
from lineside.run import session
from tests.unit.trainer.toys import net


@pytest.fixture
def make(tmp_path: Path) -> Any:
    def trainer(model: nn.Module | None = None, **options: Any) -> lineside.Trainer:
        model = model or net()
        optimizer = options.pop("optimizer", None) or torch.optim.SGD(model.parameters(), lr=0.1)
        if "step" not in options:
            options.setdefault("loss", F.cross_entropy)
        return lineside.Trainer(model, optimizer, run_dir=tmp_path, **{"device": "cpu", **options})

    return trainer


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For dozens of tiny trainings: no time for git, disks, and threads that wait for each other."""
    monkeypatch.setattr(session, "environment", dict)
    monkeypatch.setattr(session, "git_state", lambda path: None)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
