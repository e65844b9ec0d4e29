"""What holds for every test: an environment of its own, and tools that are missing are named."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

# Say how many faults to inject, and whether all callbacks are tried in all hosts; everything else of Lineside's
# environment would change what is under test.
KEPT = {"LINESIDE_FAULTS", "LINESIDE_MATRIX"}


def pytest_configure(config: pytest.Config) -> None:
    # Set before torch is imported, and for child processes too: tiny tensors gain nothing from threads, and tests that
    # run side by side would fight for the cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # A job in the background of a shell inherits Ctrl-C as ignored, and so would all processes that tests interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        missing = [tool for tool in mark.args if shutil.which(tool) is None]
        if missing:
            pytest.skip(f"not installed here: {', '.join(missing)}")


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the caller reaches a test; no relative path of a test reaches the repository."""
    for name in [name for name in os.environ if name.startswith("LINESIDE_") and name not in KEPT]:
        monkeypatch.delenv(name)
    # Whether this machine is a container is no part of what is tested.
    monkeypatch.setenv("LINESIDE_ADVICE", "off")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / ".state"))
    monkeypatch.chdir(tmp_path)
