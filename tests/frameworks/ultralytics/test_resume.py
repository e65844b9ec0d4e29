"""Trainings of a YOLO that are killed and go on, by our resume alone and together with Ultralytics' own."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys

import pytest

from lineside.errors import RunStateError
from tests.architecture.repository import ROOT
from tests.frameworks.ultralytics import killed


def test_a_real_kill(drawn, narrow, tmp_path):
    """Early stopping stops where it does without a kill, the best stays the best, and the rate goes on."""
    command = [sys.executable, "-m", "tests.frameworks.ultralytics.killed", str(drawn), narrow, str(tmp_path / "ours")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    for copy in ("theirs", "other"):
        shutil.copytree(tmp_path / "ours" / "runs", tmp_path / copy / "runs")
    (last,) = (tmp_path / "ours").rglob("weights/last.pt")
    # Of the same training and the same step, and yet another file.
    other = tmp_path / "other.pt"
    other.write_bytes(last.read_bytes() + b"\0")
    whole = killed.train(str(drawn), narrow, tmp_path / "whole").run
    for where, model, by_itself in (("theirs", str(last), True), ("ours", narrow, False)):
        rest = killed.train(str(drawn), model, tmp_path / where, resume="auto", by_itself=by_itself).run
        assert (rest.attempt, rest.epoch) == (2, 4)
        assert (rest.reason, rest.step) == (whole.reason, whole.step)
        assert {name for name in whole.history if rest.history[name] != whole.history[name]} == set()
        assert rest.history["lr/0"][-1] < rest.history["lr/0"][1] / 9  # put down on the plateau
        best, kept = (run.checkpoints.best for run in (whole, rest))
        assert (best.step, best.metrics["val/badness"].value) == (kept.step, kept.metrics["val/badness"].value)
        assert (kept.epoch, kept.metrics["val/badness"].value) == (1, 0.0)

    with pytest.raises(RunStateError, match=r"step 8, of which that file is no part: they do not belong together"):
        killed.train(str(drawn), str(other), tmp_path / "other", resume="auto", by_itself=True)
