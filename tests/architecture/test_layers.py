"""The direction of imports, as `.importlinter` states it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT


def lint_imports(source: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache", "--config", ROOT / ".importlinter"],
        cwd=source,
        env=os.environ | {"PYTHONPATH": str(source), "COLUMNS": "200"},
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_rooms_import_only_downwards() -> None:
    linted = lint_imports(ROOT / "src")
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("errors.py", "from lineside.run import Run", "Rooms import only downwards"),
        ("files.py", "def later():\n    from lineside import units", "Rooms import only downwards"),
        ("units.py", "from lineside import Callback", "Rooms import only downwards"),
        ("helpers.py", "", "Rooms import only downwards"),
        (
            "callbacks/early_stopping.py",
            "from lineside.callbacks import lambda_callback",
            "Callbacks do not know each other",
        ),
        ("checkpoints/extra.py", "def load():\n    import torch", "Frameworks stay in the rooms that are tied to them"),
    ],
)
def test_an_import_in_the_wrong_direction_is_found(tmp_path: Path, module: str, line: str, broken: str) -> None:
    shutil.copytree(ROOT / "src" / "lineside", tmp_path / "lineside")
    with (tmp_path / "lineside" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    linted = lint_imports(tmp_path)
    assert linted.returncode != 0
    assert f"{broken} BROKEN" in linted.stdout
