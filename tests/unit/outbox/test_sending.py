from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lineside.errors import StoreDamaged
from lineside.outbox.limits import Limits
from lineside.outbox.outbox import Draft, Outbox
from lineside.outbox.sending import Order, Until, send
from lineside.outbox.standing import OutboxStanding


@pytest.fixture
def order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Order:
    monkeypatch.setenv("A", "json://127.0.0.1/")
    return Order(tmp_path, {"alert": "tests.unit.outbox.toy_senders:Toy"}, {"$A": None}, limits=Limits(first_wait=30.0))


def test_an_order_goes_through_a_pipe_as_one_line(order: Order) -> None:
    line = order.to_line()
    assert line.count(b"\n") == 1
    assert Order.from_line(line) == order
    assert "A" not in repr(order)


def test_it_ends_when_all_is_sent(order: Order, record, tmp_path: Path) -> None:
    record("append", key="1")
    record("append", key="2")
    done = send(order, Until(60.0), print)
    assert (done.sent, done.failed) == (2, 0)
    assert (tmp_path / "sent").read_text() == "1\n2\n"


def test_it_ends_when_nothing_more_can_be_done_in_time(order: Order, record, tmp_path: Path) -> None:
    notices = []
    record("again")
    assert send(order, Until(10.0), notices.append).sent == 0
    assert notices == ["'again' has not reached $A: no answer from ***. It waits in the outbox."]
    assert OutboxStanding.read(tmp_path).waiting == 1


def test_what_comes_to_a_directory_of_somebody_else_stays(order: Order, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "somebody"))
    Outbox(tmp_path).record([Draft("alert", "json://127.0.0.1:1/", {"title": "append"}, "append")])
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "me"))
    assert send(order, Until(5.0), lambda _: None).sent == 0
    trusting = Order(order.directory, order.senders, trusting=True)
    assert send(trusting, Until(30.0), lambda _: None).sent == 1


def test_a_damaged_outbox_is_an_error_that_names_it(order: Order, tmp_path: Path) -> None:
    (tmp_path / "outbox.db").write_bytes(b"no database " * 100)
    with pytest.raises(StoreDamaged, match=r"outbox\.db is damaged"):
        send(order, Until(5.0), print)


def test_the_process_beside_a_run_says_so_and_ends_with_an_error(order: Order, tmp_path: Path) -> None:
    (tmp_path / "outbox.db").write_bytes(b"no database " * 100)
    code = f"import sys; sys.path[:] = {sys.path!r}; import os, lineside.outbox.sending as s; s.serve(os.getppid())"
    done = subprocess.run([sys.executable, "-c", code], input=order.to_line(), capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stdout.decode().startswith("Nothing can be sent: ")
    assert b"outbox.db is damaged" in done.stdout
