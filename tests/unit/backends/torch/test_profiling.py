from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lineside.backends.torch.model import TorchModel
from lineside.backends.torch.profiling import TorchProfiling
from lineside.errors import RunStateError


def train_step(model: nn.Module) -> None:
    model(torch.ones(4, 8)).sum().backward()


def events(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return json.load(file)["traceEvents"]


def recorded(profiling: Any, model: nn.Module, steps: int, path: Path) -> set[str]:
    """Profile some steps, and return the names of the events in the trace."""
    for number in range(steps):
        train_step(model)
        if number < steps - 1:
            profiling.step()
    profiling.stop(path)
    return {event["name"] for event in events(path)}


def test_the_trace_holds_the_operators_and_the_numbers_of_the_steps(tmp_path: Path) -> None:
    model = nn.Linear(8, 2)
    names = recorded(TorchModel(model).profile(9, 11), model, 4, tmp_path / "trace.json.gz")
    assert {name for name in names if name.startswith("ProfilerStep")} == {"ProfilerStep#11", "ProfilerStep#12"}
    assert "aten::addmm" in names
    assert [path.name for path in tmp_path.iterdir()] == ["trace.json.gz"]


def test_a_profile_may_begin_at_once_and_at_the_first_step(tmp_path: Path) -> None:
    model = nn.Linear(8, 2)
    names = recorded(TorchProfiling(1, 1), model, 1, tmp_path / "trace.json.gz")
    assert {name for name in names if name.startswith("ProfilerStep")} == {"ProfilerStep#1"}


def test_costs_are_those_of_the_operators_and_no_step(tmp_path: Path) -> None:
    model, profiling = nn.Linear(8, 2), TorchProfiling(1, 2)
    for _ in range(3):
        train_step(model)
        profiling.step()
    costs = profiling.stop(tmp_path / "trace.json.gz")
    by_name = {cost.name: cost for cost in costs}
    assert by_name["aten::addmm"].calls == 2  # the first of the three was for warming up
    assert by_name["aten::addmm"].seconds > 0
    assert not [name for name in by_name if name.startswith("ProfilerStep")]
    assert [cost.seconds for cost in costs] == sorted((cost.seconds for cost in costs), reverse=True)


@pytest.mark.parametrize("first", [1, 5])
def test_events_that_nobody_wants_are_thrown_away(first: int) -> None:
    profiling = TorchProfiling(1, first)
    train_step(nn.Linear(8, 2))
    assert profiling.stop(None) == []


def test_a_profile_that_never_got_beyond_warming_up_has_no_costs(tmp_path: Path) -> None:
    profiling = TorchProfiling(1, 5)
    train_step(nn.Linear(8, 2))
    assert profiling.stop(tmp_path / "trace.json.gz") == []


def test_options_reach_the_profiler(tmp_path: Path) -> None:
    model = nn.Linear(8, 2)
    profiling = TorchModel(model).profile(1, 1, record_shapes=True, profile_memory=True, with_stack=True)
    names = recorded(profiling, model, 2, tmp_path / "trace.json.gz")
    assert "[memory]" in names
    shapes = [event["args"].get("Input Dims") for event in events(tmp_path / "trace.json.gz") if "args" in event]
    assert [[2], [4, 8], [8, 2], [], []] in shapes
    assert any(name.endswith("train_step") for name in names)


def test_a_second_profiler_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    model = nn.Linear(8, 2)
    first = TorchProfiling(1, 1)
    with pytest.raises(RunStateError, match="at work already"):
        TorchProfiling(1, 1)
    assert "aten::addmm" in recorded(first, model, 1, tmp_path / "trace.json.gz")
    assert "aten::addmm" in recorded(TorchProfiling(1, 1), model, 1, tmp_path / "again.json.gz")


def test_a_trace_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    profiling = TorchProfiling(1, 1)
    train_step(nn.Linear(8, 2))
    with pytest.raises(OSError, match=r"trace\.json\.gz"):
        profiling.stop(tmp_path / "missing" / "trace.json.gz")
    assert list(tmp_path.iterdir()) == []
