"""A training killed, or asked to end, at any event goes on and ends bit for bit where the undisturbed one ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.faults

ATTEMPTS = Path(__file__).parent / "attempts.py"
EVENTS = 286
"""How many events the undisturbed training has; the test says so if it changes."""
THIRD_EPOCH = range(98, 145)
"""Its events: batches, validation, end."""
SAME = ("weights", "history", "reason", "best", "last", "decisions", "rows")


def moments(few: int, full: int, start: int = 2) -> list[int]:
    """Spread moments over all events, in the counts that are asked for."""
    count = full if os.environ.get("LINESIDE_FAULTS") == "full" else few
    return [start + round(step * (EVENTS - start - 1) / (count - 1)) for step in range(count)]


def attempts(directory: Path, number: signal.Signals, at: list[int]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    command = [sys.executable, str(ATTEMPTS), str(directory), number.name, *map(str, at)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    undisturbed, *disturbed = map(json.loads, done.stdout.splitlines())
    assert undisturbed["events"] == EVENTS
    assert len(disturbed) == len(at)
    return undisturbed, disturbed


@pytest.mark.timeout(1800)
def test_killed_at_any_event_and_again_it_ends_bit_for_bit_where_the_undisturbed_one_ends(tmp_path: Path) -> None:
    at = moments(few=10, full=50)
    undisturbed, disturbed = attempts(tmp_path, signal.SIGKILL, at)
    for moment, outcome in zip(at, disturbed, strict=True):
        assert outcome["first"] == -signal.SIGKILL, f"event {moment} never came"
        differing = [key for key in SAME if outcome["last"][key] != undisturbed[key]]
        assert not differing, f"killed at event {moment}: other {differing}"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_leaves_a_checkpoint_within_a_step_and_a_clean_end(tmp_path: Path, number: signal.Signals) -> None:
    """Among the batches, in the validation and at the end of an epoch."""
    full = os.environ.get("LINESIDE_FAULTS") == "full"
    at = list(THIRD_EPOCH if full else THIRD_EPOCH[4:47:12])
    undisturbed, disturbed = attempts(tmp_path, number, at)
    for moment, outcome in zip(at, disturbed, strict=True):
        assert outcome["first"] == 128 + number, f"event {moment}"
        newest = max(int(name.partition("step")[2].partition("-")[0]) for name in outcome["left"])
        assert outcome["step"] <= newest <= outcome["step"] + 1, f"event {moment}: {outcome['left']}"
        differing = [key for key in SAME if outcome["last"][key] != undisturbed[key]]
        assert not differing, f"{number.name} at event {moment}: other {differing}"
