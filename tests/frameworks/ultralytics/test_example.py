"""The example runs."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[3] / "examples" / "ultralytics_detection.py"


def test_it_trains_and_says_what_came_of_it(narrow, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), "--epochs", "1", "--model", narrow, "--place", str(tmp_path)])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    said = capsys.readouterr().out
    assert "the one epoch is done" in said
    assert "epoch 1: mAP50 " in said
    assert list(tmp_path.glob("best_01*.pt"))
