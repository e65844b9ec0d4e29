"""An alert as the outbox holds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lineside.alerts.channels.sender import AlertSender
from lineside.ports import Delivery
from lineside.secret import Secret

TIME = 1_795_780_000.0


def payload(**changes: Any) -> dict[str, Any]:
    return {
        "title": "val/loss is 12.5 (> 10)",
        "text": "It has held for 2 epochs.",
        "level": "warning",
        "author": "alert",
        "phase": "begin",
        "project": "digits",
        "run": "run-1",
        "host": "trainer",
        "machine": "gpu-7",
        "attempt": 1,
        "step": 1240,
        "epoch": 2,
        "time": TIME,
        "language": "en",
        "plot": None,
    } | changes


def send(address: str, *, key: str = "key-1", directory: Path = Path(), **changes: Any) -> None:
    """Send an alert as a worker of the outbox does."""
    AlertSender().send(Delivery(key, "alert", "ref", Secret(address), payload(**changes), directory))
