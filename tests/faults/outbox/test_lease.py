"""Exactly one process sends; when it dies, another takes its place."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from lineside.files import FileLock
from lineside.outbox.places import LEASE
from lineside.outbox.process import SenderProcess
from lineside.outbox.sending import Until, send
from lineside.outbox.standing import OutboxStanding

pytestmark = [pytest.mark.faults, pytest.mark.slow]


def waited_for(what, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


def test_two_senders_send_each_delivery_once(receiver, order, record, tmp_path: Path) -> None:
    senders = [SenderProcess(order, lambda _: None) for _ in range(2)]
    for sender in senders:
        sender.want()
        sender.look()
    for number in range(30):
        record(f"{number}")
    waited_for(lambda: OutboxStanding.read(tmp_path).waiting == 0)
    for sender in senders:
        sender.close(5.0)
    assert receiver.arrived["/a"] == [f"{number}" for number in range(30)]
    assert receiver.repeats == 0


def test_another_takes_the_place_of_a_sender_that_died(receiver, order, record, tmp_path: Path) -> None:
    receiver.trouble = {"/a": "hang"}
    record("a")
    first, second = SenderProcess(order, lambda _: None), SenderProcess(order, lambda _: None)
    for sender in (first, second):
        sender.want()
        sender.look()
        waited_for(lambda: receiver.asked_at("a") == 1)
    receiver.trouble = {}
    first._bury(first._process)
    waited_for(lambda: receiver.arrived.get("/a") == ["a"])
    assert second.close(5.0)


def test_who_wants_to_send_beside_another_is_told(order, record, tmp_path: Path) -> None:
    record("a")
    program = """
import sys
from pathlib import Path
from lineside.files import FileLock
lock = FileLock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
sys.stdin.readline()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / LEASE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "True\n"
    assert send(order, Until(0.5), print) is None
    assert FileLock(tmp_path / LEASE).holder().startswith(f"process {holder.pid} on ")
    holder.communicate("\n")
