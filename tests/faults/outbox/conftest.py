from __future__ import annotations

import os
from pathlib import Path

import pytest

from lineside.outbox.limits import Limits
from lineside.outbox.outbox import Draft, Outbox
from lineside.outbox.sending import Order
from tests.faults.outbox.receiver import receiving

SENDERS = {"alert": "tests.faults.outbox.http_sender:HttpSender"}
# Fast, so that a test need not wait; what is under test is what happens, not when.
LIMITS = Limits(first_wait=0.02, longest_wait=0.05, per_minute=1_000_000)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch):
    with receiving() as started:
        for path in "abcd":
            monkeypatch.setenv(f"RECEIVER_{path.upper()}", started.address(path))
        yield started


@pytest.fixture
def order(tmp_path: Path) -> Order:
    return Order(tmp_path, SENDERS, limits=LIMITS)


@pytest.fixture
def times():
    """How often a fault is injected: the first number in CI, the second by `make faults`."""
    full = os.environ.get("LINESIDE_FAULTS") == "full"
    return lambda few, many: range(many if full else few)


@pytest.fixture
def record(tmp_path: Path):
    def record_one(key: str, to: str = "$RECEIVER_A") -> None:
        Outbox(tmp_path).record([Draft("alert", to, {"title": key}, key, key)])

    return record_one
