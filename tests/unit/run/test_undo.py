from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import Adam

from lineside.run import Run
from lineside.run.undo import Undo


@pytest.fixture
def run(run_dir: Path) -> Any:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    with Run(model=model, optimizer=Adam(model.parameters(), lr=0.1), run_dir=run_dir) as run:
        yield run


def learn(run: Any) -> torch.Tensor:
    model, (optimizer,) = run.model.module, run.optimizers.values()
    optimizer.zero_grad()
    model(torch.randn(4, 3)).square().mean().backward()
    optimizer.step()
    run.progress.step += 1
    run.progress.samples += 4
    return model.weight.detach().clone()


def test_what_happens_twice_from_one_state_is_the_same(run: Any) -> None:
    learn(run)
    undo = Undo(run, run.dir / "undo")
    first = [learn(run) for _ in range(2)]
    run.batch_table.publish({"noise": 1.0}, 1, 0)
    undo.restore()
    assert (run.step, run.samples) == (1, 4)
    assert "noise" not in str(dict(run.batch_metrics))
    for one, other in zip(first, [learn(run) for _ in range(2)], strict=True):
        assert torch.equal(one, other)


def test_the_files_are_gone_afterwards_and_those_of_a_killed_attempt_as_well(run: Any) -> None:
    directory = run.dir / "undo"
    directory.mkdir()
    (directory / "left-behind").touch()
    undo = Undo(run, directory)
    assert not (directory / "left-behind").exists()
    assert undo.has("model.safetensors")
    assert undo.has("rates.json")
    assert not undo.has("nothing.json")
    undo.restore()
    assert not directory.exists()
