from __future__ import annotations

import gzip
import json
from pathlib import Path

from lineside.profiling import OperatorCost
from lineside.testing.fake_model import FakeModel
from lineside.testing.fake_profiling import FakeProfiling


def test_it_notes_the_steps_that_are_recorded(tmp_path: Path) -> None:
    profiling = FakeProfiling(4, 6)
    for _ in range(3):
        profiling.step()
    assert profiling.running
    assert profiling.stop(tmp_path / "trace.json.gz") == [OperatorCost("fake", 2, 1.0)]
    assert not profiling.running
    with gzip.open(tmp_path / "trace.json.gz", "rt") as file:
        assert [event["name"] for event in json.load(file)["traceEvents"]] == ["step 6", "step 7"]


def test_what_nobody_wants_is_thrown_away() -> None:
    assert FakeProfiling(1, 1).stop(None) == []


def test_a_fake_model_keeps_its_profilers() -> None:
    model = FakeModel({"weight": [0.5]})
    first, second = model.profile(1, 1, with_stack=True), model.profile(7, 9)
    assert model.profilings == [first, second]
    assert (first.options, first.steps, second.steps) == ({"with_stack": True}, [1], [])
