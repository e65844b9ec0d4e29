"""A save, and a recovery, struck at each of its changes of the filesystem: nothing that was committed is ever lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.repository import ROOT
from tests.faults.checkpoints.struck_writer import BEST, FAULTS, commit, opened, payload
from tests.unit.checkpoints.toys import tensors

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="forks a child for every strike"),
]
KILLED = -signal.SIGKILL
STRUCK_BUT_SAVED, SAID_SO = 4, 5


def strike(work: Path, scenario: str, fault: str) -> list[dict[str, Any]]:
    script = ROOT / "tests" / "faults" / "checkpoints" / "struck_writer.py"
    done = subprocess.run(
        [sys.executable, script, work, scenario, fault],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    outcomes: list[dict[str, Any]] = json.loads(done.stdout)
    return outcomes


def check_that_nothing_is_lost(work: Path, said: list[str]) -> None:
    """Look as the next attempt would: before it sweeps, after it, and after it went on."""
    store = opened(work)
    damaged: list[Exception] = []
    newest = store.newest_sound(on_damage=damaged.append)
    assert damaged == []
    assert newest is not None
    assert newest.step in ({5} if "saved" in said else {4, 5})
    for entry in store.entries:  # whatever shows is whole
        checkpoint = store.find(entry.name)
        checkpoint.verify()
        assert checkpoint.file("model.safetensors").read_bytes() == tensors(entry.step)
    steps = {entry.step for entry in store.entries}
    assert {1, 2, 4} <= steps
    assert newest.step == 5 or 3 in steps  # nothing goes before the new one has come
    assert store.best is not None
    assert store.best.step == 2
    assert store.find("EarlyStopping").step == 1
    assert (work / BEST).read_bytes() in (payload(4), payload(5))

    store.sweep()
    assert (work / BEST).read_bytes() == payload(newest.step)
    names = {path.name for path in (work / "checkpoints").iterdir()}
    assert names == {"index.json"} | {entry.name for entry in store.entries}
    assert {path.name for path in work.iterdir()} == {"checkpoints", BEST}

    commit(store, 6)
    assert [entry.step for entry in store.entries] == [1, 2, newest.step, 6]
    assert (work / BEST).read_bytes() == payload(6)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("scenario", "least"), [("save", 30), ("recover", 15)])
def test_nothing_is_lost_wherever_it_strikes(tmp_path: Path, scenario: str, fault: str, least: int) -> None:
    work = tmp_path / "work"
    outcomes = strike(work, scenario, fault)
    assert len(outcomes) > least, "too few changes were seen: the hook misses them"
    *struck, unstruck = outcomes
    assert unstruck["code"] == 0
    assert {outcome["code"] for outcome in struck} <= ({KILLED} if fault == "kill" else {STRUCK_BUT_SAVED, SAID_SO})
    for outcome in outcomes:
        try:
            check_that_nothing_is_lost(work / str(outcome["k"]), outcome["said"])
        except AssertionError as error:
            raise AssertionError(f"struck at change {outcome['k']} of {len(outcomes)}: {outcome}") from error


def test_the_strikes_reach_before_and_behind_the_commit(tmp_path: Path) -> None:
    work = tmp_path / "work"
    found = set()
    for outcome in strike(work, "save", "kill"):
        newest = opened(work / str(outcome["k"])).newest_sound()
        assert newest is not None
        found.add((newest.step, "saving" in outcome["said"], "saved" in outcome["said"]))
    assert found == {(4, False, False), (4, True, False), (5, True, False), (5, True, True)}


def test_the_control_overwriting_one_file_loses_it(tmp_path: Path) -> None:
    work = tmp_path / "work"
    outcomes = strike(work, "overwrite", "kill")
    left = [(work / str(outcome["k"]) / BEST).read_bytes() for outcome in outcomes]
    assert any(data not in (payload(4), payload(5)) for data in left)
