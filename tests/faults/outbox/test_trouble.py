"""Destinations that misbehave in every way for the length of a run cost it nothing but its deadline."""

from __future__ import annotations

import itertools
import os
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import lineside.run.post
from lineside import Callback, Run
from lineside.outbox.limits import Limits
from lineside.outbox.sending import Until, send
from lineside.outbox.standing import OutboxStanding
from lineside.ports import Route
from tests.faults.outbox.conftest import SENDERS

pytestmark = [pytest.mark.faults, pytest.mark.slow]

DEADLINE = 3.0
SLACK = 0.5 if os.environ.get("LINESIDE_FAULTS") == "full" else 2.0
"""What a machine that runs other tests beside this one may take longer."""


class Alarming(Callback):
    close_timeout = DEADLINE

    def __init__(self, *destinations: str) -> None:
        super().__init__()
        self.routes = [Route(destination) for destination in destinations]

    def on_epoch_end(self, run) -> None:
        run.alert(f"epoch {run.epoch}")


def memory(pid: int | str = "self") -> int:
    """Return the resident bytes of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_run_whose_destinations_all_misbehave(receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lineside.run.post, "SENDERS", SENDERS)
    receiver.trouble = {"/a": "hang", "/b": "drip", "/c": "500", "/d": "429 2"}
    with socket.socket() as closed:  # bound, and nobody listens
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("NOBODY", f"http://127.0.0.1:{closed.getsockname()[1]}/")
        monkeypatch.setenv("RECEIVER_E", receiver.address("e"))
        places = ["$RECEIVER_A", "$RECEIVER_B", "$RECEIVER_C", "$RECEIVER_D", "$NOBODY", "$RECEIVER_E"]
        with Run(callbacks=[Alarming(*places)], run_dir=tmp_path / "runs") as run:
            for epoch in run.epochs(40):
                for _ in run.batches(range(3)):
                    time.sleep(0.03)
                if epoch == 5:
                    before = memory()
            # However busy this machine is: the one that answers gets what its rate allows.
            patience = time.monotonic() + 60.0
            while len(receiver.arrived.get("/e", ())) < 20:
                assert time.monotonic() < patience
                time.sleep(0.02)
            grown = memory() - before
            beside = memory(run.wiring.post._sender.pid)
            ending = time.monotonic()
        took = time.monotonic() - ending
    assert DEADLINE - 0.5 <= took <= DEADLINE + SLACK
    assert grown < 20e6
    assert beside < 60e6
    standing = OutboxStanding.read(run.dir)
    # The one that answers got what its rate allows, and it alone.
    assert standing.counts() == {"waiting": 6 * 40 - 20, "sent": 20, "failed": 0, "refused": 0}
    assert {queue.destination: queue.waiting for queue in standing.queues} == dict.fromkeys(places, 40) | {
        places[-1]: 20
    }
    assert run.summary.count("40 deliveries wait for ") == 5
    assert "20 deliveries wait for $RECEIVER_E: " in run.summary
    asked = [at for at, path in receiver.asked if path == "/d"]
    assert all(later - earlier > 1.95 for earlier, later in itertools.pairwise(asked))  # Retry-After


def test_sends_that_hang_are_cut_and_tried_again(receiver, order, record, tmp_path: Path) -> None:
    receiver.trouble = {"/a": "hang", "/b": "drip"}
    record("hangs", "$RECEIVER_A")
    record("drips", "$RECEIVER_B")
    record("goes on", "$RECEIVER_C")
    limits = replace(order.limits, send_seconds=0.3)
    notices = []
    send(replace(order, limits=limits), Until(4.0), notices.append)
    assert receiver.keys == ["goes on"]
    assert receiver.asked_at("a") >= 2
    assert receiver.asked_at("b") >= 2
    assert len(notices) == 2
    receiver.trouble = {}
    send(order, Until(30.0), notices.append)
    assert sorted(receiver.keys) == ["drips", "goes on", "hangs"]
    assert OutboxStanding.read(tmp_path).counts() == {"waiting": 0, "sent": 3, "failed": 0, "refused": 0}


def test_a_flood_fills_the_outbox_to_its_bound_and_no_further(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Flooding(Callback):
        routes = (Route("$NOWHERE"),)

        def on_batch_end(self, run) -> None:
            run.alert("flood", "x" * 1000, durable=False)

    monkeypatch.setattr(lineside.run.post, "SENDERS", SENDERS)
    post, limits = lineside.run.wiring.Post, Limits(items=100)
    monkeypatch.setattr(lineside.run.wiring, "Post", lambda *given, **more: post(*given, **more, limits=limits))
    with Run(callbacks=[Flooding()], run_dir=tmp_path / "runs") as run:
        for _ in run.epochs(1):
            for _ in run.batches(range(500)):
                pass
    standing = OutboxStanding.read(run.dir)
    assert (standing.waiting, standing.refused) == (100, 400)
    assert "400 found no room" in run.summary
    assert (run.dir / "outbox.db").stat().st_size < 1e6
