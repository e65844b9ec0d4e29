from __future__ import annotations

from typing import Any

import pytest

from lineside.cli.how_far import HowFar
from lineside.cli.standing import State


@pytest.mark.parametrize(
    ("state", "progress", "epoch", "step"),
    [
        ("running", {"epoch": 4, "total_epochs": 20, "step": 1200, "total_steps": None}, "5/20", "1,200"),
        ("completed", {"epoch": 20, "total_epochs": 20, "step": 4800, "total_steps": 4800}, "20/20", "4,800/4,800"),
        ("stopped", {"epoch": 7, "total_epochs": 20, "step": 0, "total_steps": None}, "7/20", "0"),
        ("killed", {"epoch": 20, "total_epochs": 20, "step": 1}, "20/20", "1"),
        ("running", {"epoch": 0, "total_epochs": None, "step": 0, "total_steps": 10}, "1", "0/10"),
        ("running", {}, "", ""),
        ("running", {"epoch": "7", "total_epochs": True, "step": None, "total_steps": 1.5}, "", ""),
    ],
)
def test_people_count_epochs_from_one(state: State, progress: dict[str, Any], epoch: str, step: str) -> None:
    far = HowFar.of(progress, state)
    assert (far.epoch_text, far.step_text) == (epoch, step)
