"""A sender that is killed at any moment loses nothing that was recorded, and does nothing twice."""

from __future__ import annotations

import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from lineside.outbox.outbox import Draft, Outbox
from lineside.outbox.process import SenderProcess
from lineside.outbox.standing import OutboxStanding

pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="kills the whole group, as POSIX has it"),
]

RUNS = 4
"""Outboxes that are worked on at one time, since each kill mostly waits for the next process to start."""


def waited_for(what, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.005)


def started(order) -> SenderProcess:
    sender = SenderProcess(order, lambda _: None)
    sender.want()
    sender.look()
    return sender


def killed_again_and_again(receiver, order, path: str, kills: range) -> list[str]:
    """Record and kill in one outbox, let the last sender finish, and return the keys in the order of recording."""
    order.directory.mkdir()
    draw, keys = random.Random(path), []
    for kill in kills:
        for number in range(3):
            keys.append(f"{path}-{kill}-{number}")
            Outbox(order.directory).record([Draft("alert", f"$RECEIVER_{path.upper()}", {}, keys[-1], keys[-1])])
        sender, before = started(order), receiver.asked_at(path)
        if kill % 4:  # from its first delivery on, which is when it has something to lose
            waited_for(lambda before=before: receiver.asked_at(path) > before)
            time.sleep(draw.random() * 0.1)
        else:  # at any moment of its start
            time.sleep(draw.random() * 0.3)
        sender._bury(sender._process)
    last = started(order)
    waited_for(lambda: OutboxStanding.read(order.directory).waiting == 0)
    assert last.close(10.0)
    return keys


@pytest.mark.timeout(3000)
def test_nothing_is_lost_and_nothing_has_its_effect_twice(receiver, order, times, tmp_path: Path) -> None:
    kills = times(100 // RUNS, 1000 // RUNS)
    orders = {path: replace(order, directory=tmp_path / path) for path in "abcd"[:RUNS]}
    with ThreadPoolExecutor(RUNS) as pool:
        running = {
            path: pool.submit(killed_again_and_again, receiver, one, path, kills) for path, one in orders.items()
        }
        recorded = {path: future.result() for path, future in running.items()}
    for path, keys in recorded.items():
        assert receiver.arrived[f"/{path}"] == keys  # in the order of recording, each once
        assert OutboxStanding.read(orders[path].directory).counts() == {
            "waiting": 0, "sent": len(keys), "failed": 0, "refused": 0,
        }  # fmt: skip
