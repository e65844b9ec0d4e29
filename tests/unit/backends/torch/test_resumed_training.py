from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]


def run(folder: Path, how: str) -> str:
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("resumed_training.py"), folder, how],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "PYTHONHASHSEED": "random"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_new_process_goes_on_bit_for_bit_from_the_middle_of_an_epoch(tmp_path: Path) -> None:
    whole = run(tmp_path, "begin")
    assert run(tmp_path, "resume") == whole
