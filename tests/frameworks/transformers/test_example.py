"""The example runs as it stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("transformers", reason="the example needs transformers: pip install transformers")

from tests.architecture.repository import ROOT


def test_the_example_trains(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples" / "transformers_trainer.py"), str(tmp_path)]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "all 5 epochs are done; the best: " in ended.stdout
