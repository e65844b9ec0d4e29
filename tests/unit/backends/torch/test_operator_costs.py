from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.profiler import profile

from lineside.backends.torch.operator_costs import operator_costs
from lineside.profiling import OperatorCost


def event(name: str, ts: float, dur: float, *, cat: str = "cpu_op", tid: Any = 1, **args: Any) -> dict[str, Any]:
    named = {key.replace("_", " ").replace("external", "External"): value for key, value in args.items()}
    return {"ph": "X", "cat": cat, "name": name, "pid": 7, "tid": tid, "ts": ts, "dur": dur, "args": named}


def test_an_operators_own_time_is_without_those_inside_of_it() -> None:
    events = [
        event("aten::linear", 0.0, 100.0),
        event("aten::addmm", 10.0, 60.0),
        event("aten::copy_", 20.0, 5.0),
        event("aten::copy_", 30.0, 5.0),
        event("aten::relu", 100.0, 8.0),  # begins when the first ends
    ]
    assert operator_costs(reversed(events)) == [
        OperatorCost("aten::addmm", 1, 50e-6),
        OperatorCost("aten::linear", 1, 40e-6),
        OperatorCost("aten::copy_", 2, 10e-6),
        OperatorCost("aten::relu", 1, 8e-6),
    ]


def test_threads_do_not_contain_each_other() -> None:
    events = [event("forward", 0.0, 100.0), event("backward", 10.0, 50.0, tid=2)]
    assert {cost.name: cost.seconds for cost in operator_costs(events)} == {"forward": 100e-6, "backward": 50e-6}


def test_an_operator_that_hands_on_to_itself_is_one_call() -> None:
    events = [event("aten::sum", 0.0, 20.0), event("aten::sum", 5.0, 10.0), event("aten::fill_", 6.0, 2.0)]
    assert operator_costs(events) == [OperatorCost("aten::sum", 1, 18e-6), OperatorCost("aten::fill_", 1, 2e-6)]


def test_steps_and_what_is_no_operator_are_left_out() -> None:
    events = [
        {"ph": "M", "name": "process_name", "pid": 7, "tid": 0, "ts": 0.0, "args": {"name": "python"}},
        {"ph": "i", "name": "Iteration Start", "pid": "Traces", "tid": "Trace", "ts": 0.0},
        event("PyTorch Profiler (0)", 0.0, 999.0, cat="Trace"),
        event("train.py(3): step", 0.0, 500.0, cat="python_function"),
        event("ProfilerStep#3", 0.0, 500.0, cat="user_annotation"),
        event("Optimizer.step#SGD.step", 10.0, 100.0, cat="user_annotation"),
        event("aten::add_", 20.0, 40.0),
    ]
    assert operator_costs(events) == [
        OperatorCost("Optimizer.step#SGD.step", 1, 60e-6),
        OperatorCost("aten::add_", 1, 40e-6),
    ]


def test_on_a_gpu_the_time_of_kernels_stands_at_their_operators() -> None:
    events = [
        event("aten::mm", 0.0, 50.0, external_id=5),
        event("cudaLaunchKernel", 10.0, 20.0, cat="cuda_runtime", external_id=5),
        event("ampere_sgemm_128x64_nn", 40.0, 3000.0, cat="kernel", tid=20, external_id=5),
        event("aten::copy_", 60.0, 10.0, external_id=6),
        event("Memcpy HtoD", 70.0, 1000.0, cat="gpu_memcpy", tid=21, external_id=6),
        event("triton_fused", 80.0, 400.0, cat="kernel", tid=20),  # of a graph, whose launch bears no operator
        event("triton_fused", 90.0, 400.0, cat="kernel", tid=20),
        event("ProfilerStep#1", 0.0, 9000.0, cat="gpu_user_annotation", tid=20),
    ]
    assert operator_costs(events) == [
        OperatorCost("aten::mm", 1, 30e-6, 3000e-6),
        OperatorCost("aten::copy_", 1, 10e-6, 1000e-6),
        OperatorCost("triton_fused", 2, 0.0, 800e-6),
        OperatorCost("cudaLaunchKernel", 1, 20e-6),
    ]


def test_no_events_are_no_costs() -> None:
    assert operator_costs([]) == []


def test_it_agrees_with_the_averages_of_torch(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 4))
    with profile() as profiler:
        for _ in range(3):
            model(torch.ones(8, 16)).sum().backward()
    profiler.export_chrome_trace(str(tmp_path / "trace.json"))
    ours = {
        cost.name: cost for cost in operator_costs(json.loads((tmp_path / "trace.json").read_text())["traceEvents"])
    }
    theirs = {average.key: average for average in profiler.key_averages()}
    assert ours.keys() == theirs.keys()
    for name, cost in ours.items():
        assert cost.calls == theirs[name].count, name
        assert cost.seconds * 1e6 == pytest.approx(theirs[name].self_cpu_time_total, rel=0.02, abs=1.0), name
