from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineside.outbox.limits import Limits
from lineside.outbox.process import SenderProcess
from lineside.outbox.sending import Order
from lineside.outbox.standing import OutboxStanding


@pytest.fixture
def sender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock) -> Iterator[SenderProcess]:
    monkeypatch.setenv("A", "json://127.0.0.1/")
    order = Order(
        tmp_path, {"alert": "tests.unit.outbox.toy_senders:Toy"}, {"$A": None}, limits=Limits(first_wait=30.0)
    )
    sender = SenderProcess(order, lambda _: None, clock)
    yield sender
    sender.close(0.0)


def gone(pid: int) -> None:
    deadline = time.monotonic() + 30.0
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}").exists() and b"Z" not in Path(f"/proc/{pid}/stat").read_bytes().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_nothing_is_started_that_nobody_wants(sender: SenderProcess) -> None:
    sender.look()
    assert sender.pid is None
    assert sender.close(5.0)
    sender.want()
    sender.look()
    assert sender.pid is None  # it is closed


def test_what_was_recorded_is_sent_before_it_ends(sender: SenderProcess, record, tmp_path: Path) -> None:
    record("append", key="1")
    sender.want()
    assert sender.close(30.0)
    assert OutboxStanding.read(tmp_path).sent == 1


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_one_that_dies_is_followed_by_another_after_a_wait_that_doubles(sender: SenderProcess, record, clock) -> None:
    record("again")
    sender.want()
    sender.look()
    for wait in (2.0, 4.0):
        first = sender.pid
        gone(first)
        sender.look()
        assert sender.pid is None
        clock.advance(wait - 0.1)
        sender.look()
        assert sender.pid is None
        clock.advance(0.2)
        sender.look()
        assert sender.pid not in {None, first}


def test_one_that_hangs_is_ended_at_the_deadline(sender: SenderProcess, record, clock, tmp_path: Path) -> None:
    record("hang")
    sender.want()
    sender.look()
    pid = sender.pid
    assert not sender.close(0.0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert OutboxStanding.read(tmp_path).waiting == 1
