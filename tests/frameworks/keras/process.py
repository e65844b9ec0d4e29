"""A training in a process of its own, which may die."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import keras

ROOT = Path(__file__).parents[3]


def run(script, folder, *more):
    """Run a script whose arguments are `folder` and `more`, on the backend of this process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": keras.backend.backend()}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(folder), *more],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
