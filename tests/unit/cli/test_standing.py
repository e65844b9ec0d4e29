from __future__ import annotations

import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lineside.cli.standing import SILENT, STATES, Standing, state_word
from lineside.store import RunDirectory, StoreWriter
from lineside.store.run_record import Status
from tests.unit.cli.written_runs import killed


def standing(run: RunDirectory) -> Standing:
    return Standing.of(run, run.read_record())


def record_events(run: RunDirectory, *kinds: str, attempt: int = 1) -> None:
    writer = StoreWriter(run.database, attempt, time.time)
    writer.begin_attempt(attempt, None, time.time())
    for number, kind in enumerate(kinds):
        writer.event(kind, step=5, epoch=0, time=time.time() + number, data={})
    writer.close()


def test_a_free_lock_means_killed_and_a_held_one_running(tmp_path: Path) -> None:
    run = killed(tmp_path)
    assert standing(run).state == "killed"
    assert standing(run).died
    assert "its process is gone; last heard of 1 min 40 s ago" in standing(run).sentence().plain
    run.lock()
    assert standing(run).state == "running"
    assert standing(run).live
    assert standing(run).silent
    assert "silent: last heard of 1 min" in standing(run).sentence().plain
    run.write_record(replace(run.read_record(), updated=time.time()))
    assert not standing(run).silent
    assert standing(run).sentence().plain == "● running"
    run.unlock()


@pytest.mark.parametrize(
    ("age", "host", "state"),
    [
        (SILENT / 2, "elsewhere", "running"),
        (SILENT * 2, "elsewhere", "killed"),
        (SILENT / 2, socket.gethostname(), "killed"),
        (SILENT / 2, "", "killed"),
        (-SILENT / 2, "elsewhere", "running"),
        (-SILENT * 2, "elsewhere", "killed"),
    ],
)
def test_on_another_machine_a_fresh_heartbeat_counts_more_than_the_lock(
    tmp_path: Path, age: float, host: str, state: str
) -> None:
    assert standing(killed(tmp_path, age=age, host=host)).state == state


@pytest.mark.parametrize(("age", "state"), [(SILENT / 2, "running"), (SILENT * 2, "killed")])
def test_where_the_lock_may_not_be_looked_at_the_heartbeat_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age: float, state: str
) -> None:
    def forbidden(self: RunDirectory, record: object = None) -> str:
        raise PermissionError("not yours")

    run = killed(tmp_path, age=age)
    monkeypatch.setattr(RunDirectory, "status", forbidden)
    assert standing(run).state == state


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        ((), "running"),
        (("paused",), "paused"),
        (("paused", "unpaused"), "running"),
        (("paused", "unpaused", "paused"), "paused"),
    ],
)
def test_the_last_of_pause_and_unpause_counts(tmp_path: Path, kinds: tuple[str, ...], state: str) -> None:
    run = killed(tmp_path)
    record_events(run, *kinds)
    run.lock()
    assert standing(run).state == state
    run.unlock()


def test_an_attempt_that_goes_on_behind_a_kill_in_a_pause_is_not_paused(tmp_path: Path) -> None:
    run = killed(tmp_path)
    record_events(run, "paused")
    run.write_record(replace(run.read_record(), attempt=2))
    run.lock()
    assert standing(run).state == "running"
    run.unlock()


@pytest.mark.parametrize("status", ["completed", "stopped", "interrupted", "failed"])
def test_one_that_ended_says_why(tmp_path: Path, status: Status) -> None:
    run = killed(tmp_path)
    run.write_record(replace(run.read_record(), status=status, reason="enough \x1b[1m"))
    found = standing(run)
    assert found.sentence().plain == rf"● {status}: enough \x1b[1m"
    assert found.died == (status in ("interrupted", "failed"))
    assert not found.live


def test_every_state_has_a_word_in_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [state_word(state) for state in STATES] == list(STATES)
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    assert all(not state_word(state).isascii() for state in STATES)
