"""What the supervisor has to tell, and what a dead run left in its outbox, arrives, once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.outbox.receiver import Receiver, receiving
from tests.faults.supervisor.conftest import STEPS, Start, wait_until

pytestmark = pytest.mark.faults


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Receives what goes to two addresses, which stand in variables: a path is a secret."""
    with receiving() as opened:
        monkeypatch.setenv("OPERATOR", opened.address("operator"))
        monkeypatch.setenv("OWNER", opened.address("owner"))
        yield opened


def titles(receiver: Receiver, path: str) -> list[str]:
    """Return what arrived at a path, without the names of runs."""
    found = [payload["alert"]["title"] for payload in receiver.payloads if payload["path"] == f"/{path}"]
    return [title.partition(" ")[2] if title.startswith("run-") else title for title in found]


def test_a_death_and_the_restart_arrive_where_the_run_and_the_command_line_want_them(
    start: Start, tmp_path: Path, receiver: Receiver
) -> None:
    options = ["--restarts", "1", "--alert", "$OPERATOR"]
    run = start("run", *options, "--", sys.executable, STEPS, tmp_path / "runs", "$OWNER")
    run.begun()
    run.step()
    os.kill(run.pid, signal.SIGKILL)
    assert run.begun().startswith("attempt 2")
    wait_until(lambda: len(titles(receiver, "operator")) == 2, "two alerts", run)
    run.do("stop")
    assert run.code() == 0
    assert titles(receiver, "operator") == titles(receiver, "owner") == ["died", "was started again"]
    assert (receiver.repeats, len(set(receiver.keys))) == (0, 4)
    alert = receiver.payloads[0]["alert"]
    assert (alert["author"], alert["level"], alert["step"]) == ("supervisor", "error", 0)
    assert alert["text"] == "killed by SIGKILL; it is started again in 1 s (restart 1 of 1)"


def test_what_waits_in_the_outbox_of_a_dead_run_is_sent_with_the_news_of_its_death(
    start: Start, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.trouble["/owner"] = "500"
    run = start("run", "--", sys.executable, STEPS, tmp_path / "runs", "$OWNER")
    run.begun()
    run.do("alert before its end")
    run.step()
    wait_until(lambda: receiver.asked_at("owner"), "a try", run)
    os.kill(run.pid, signal.SIGKILL)
    run.says("died: killed by SIGKILL")
    receiver.trouble.clear()
    assert run.code() == 137
    assert titles(receiver, "owner") == ["before its end", "died"]
    assert receiver.repeats == 0


def test_what_cannot_be_sent_is_said_and_waits(start: Start, tmp_path: Path, receiver: Receiver) -> None:
    receiver.trouble["/operator"] = "500"
    run = start("run", "--alert", "$OPERATOR", "--", sys.executable, STEPS, tmp_path / "runs")
    run.begun()
    os.kill(run.pid, signal.SIGKILL)
    assert run.code() == 137
    where = run.says(r"^Alerts could not be sent yet. To try again: lineside deliver (\S+)$")[1]
    receiver.trouble.clear()
    assert start("deliver", where).code() == 0
    assert titles(receiver, "operator") == ["died"]


def test_the_death_of_a_command_without_a_run_arrives_as_well(start: Start, receiver: Receiver) -> None:
    run = start("run", "--alert", "$OPERATOR", "--", "sh", "-c", "exit 3")
    assert run.code() == 3
    assert titles(receiver, "operator") == ["sh died"]
    assert start("list", "--run-dir", "runs").code() == 0  # what it left is no run


def test_a_stall_and_its_end_arrive_while_the_run_has_a_sender_of_its_own(
    start: Start, tmp_path: Path, receiver: Receiver
) -> None:
    run = start("run", "--silent-after", "2 s", "--", sys.executable, STEPS, tmp_path / "runs", "$OWNER")
    run.begun()
    run.do("alert once")
    run.step()
    wait_until(lambda: titles(receiver, "owner") == ["once"], "the run's own alert", run)
    os.kill(run.pid, signal.SIGSTOP)
    wait_until(lambda: titles(receiver, "owner") == ["once", "stalls"], "the news of the stall", run)
    os.kill(run.pid, signal.SIGCONT)
    wait_until(lambda: titles(receiver, "owner") == ["once", "stalls", "goes on"], "the news of its end", run)
    run.do("stop")
    assert run.code() == 0
