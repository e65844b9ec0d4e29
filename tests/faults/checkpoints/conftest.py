from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here cuts the power, and a flush changes nothing that a living system shows."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
