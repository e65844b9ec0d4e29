"""A training that is killed while it records: every alert whose `run.alert` has returned is delivered, once."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lineside.outbox.sending import Order, Until, send
from lineside.outbox.standing import OutboxStanding
from tests.architecture.repository import ROOT
from tests.faults.outbox.conftest import LIMITS, SENDERS

pytestmark = [pytest.mark.faults, pytest.mark.slow]


@pytest.fixture
def train(receiver, tmp_path: Path):
    started = []

    def start(*options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.faults.outbox.training", str(tmp_path / "runs"), *options]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def titles(receiver, path: str) -> list[str]:
    return [payload["title"] for payload in receiver.payloads if payload["path"] == f"/{path}"]


def test_what_was_recorded_is_delivered_afterwards_once(train, receiver, times) -> None:
    draw = random.Random(0)
    for _ in times(4, 100):
        process = train("sleep=0.001")
        directory = Path(process.stdout.readline().split()[1])
        time.sleep(draw.random() * 0.5)
        process.kill()
        told = [line.strip() for line in process.stdout]
        process.wait()
        order = Order(directory, SENDERS, limits=LIMITS)
        assert send(order, Until(60.0), print) is not None
        counts = OutboxStanding.read(directory).counts() if (directory / "outbox.db").exists() else {"sent": 0}
        for path in "ab":
            arrived = titles(receiver, path)
            assert arrived[: len(told)] == told
            # One may have been recorded, and not yet been told of.
            assert len(arrived) in {len(told), len(told) + 1}
        assert counts["sent"] == len(receiver.keys)
        receiver.arrived.clear()
        receiver.payloads.clear()


def test_a_resumed_run_sends_what_the_killed_one_has_left(train, receiver) -> None:
    receiver.trouble = {"/a": "500", "/b": "hang"}
    process = train("pause=yes")
    assert process.stdout.readline().startswith("open ")
    assert process.stdout.readline() == "attempt 1, epoch 0\n"
    process.kill()
    process.wait()
    receiver.trouble = {}
    resumed = train("resume=auto", "epochs=1")
    out, _ = resumed.communicate(timeout=60)
    assert resumed.returncode == 0
    told = [line for line in out.splitlines() if line.startswith("attempt 2")]
    for path in "ab":
        assert titles(receiver, path) == ["attempt 1, epoch 0", *told]


def test_the_processes_beside_a_killed_training_are_gone(train, receiver) -> None:
    psutil = pytest.importorskip("psutil")
    receiver.trouble = {"/a": "hang", "/b": "drip"}
    process = train("pause=yes")
    process.stdout.readline()
    deadline = time.monotonic() + 30.0
    while len(receiver.asked) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    beside = psutil.Process(process.pid).children(recursive=True)
    assert len(beside) >= 3  # the sender, and a worker for each destination
    process.kill()
    _, alive = psutil.wait_procs(beside, timeout=10.0)
    assert alive == []
