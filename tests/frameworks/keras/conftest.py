"""Keras on torch, and its own dependencies, stand on deprecated parts of NumPy and of each other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            for kind in ("DeprecationWarning", "FutureWarning", "UserWarning:keras"):
                item.add_marker(pytest.mark.filterwarnings(f"ignore::{kind}"))
