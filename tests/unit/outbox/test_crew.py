"""Workers are processes, and are tried as such."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineside.outbox.crew import Crew
from lineside.outbox.limits import Limits


@pytest.fixture
def crew() -> Iterator[Crew]:
    crew = Crew(Limits(workers=2))
    yield crew
    crew.close()


def job(title: str, directory: Path, target: str = "tests.unit.outbox.toy_senders:Toy") -> dict:
    return {
        "target": target,
        "key": "the key",
        "kind": "alert",
        "destination": "$A",
        "address": "json://host/secret-token",
        "secrets": ["json://host/secret-token", "secret-token"],
        "payload": {"title": title},
        "directory": str(directory),
        "tries": 0,
    }


def verdict(crew: Crew, worker) -> dict | None:
    while True:
        who, message = crew.messages.get(timeout=60.0)
        assert who is worker
        if message is None or "begun" not in message:
            return message


def test_a_worker_sends_one_delivery_after_the_other_and_tells_no_secret(crew: Crew, tmp_path: Path) -> None:
    worker = crew.give(job("write", tmp_path))
    assert verdict(crew, worker) == {"sent": True}
    assert (tmp_path / "sent").read_text() == "the key"
    expected = {
        "again": {"again": "no answer from ***", "after": 7.0},
        "never": {"never": "no such room"},
        "raise": {"again": "ValueError: cannot parse ***"},
        "exit": {"again": "SystemExit: 3"},
    }
    for title, answer in expected.items():
        crew.free(worker)
        assert crew.give(job(title, tmp_path)) is worker
        assert verdict(crew, worker) == answer


def test_a_sender_that_cannot_be_loaded_is_named(crew: Crew, tmp_path: Path) -> None:
    worker = crew.give(job("write", tmp_path, "nowhere.at_all:Sender"))
    message = verdict(crew, worker)
    assert message == {"again": "nowhere.at_all:Sender cannot be loaded: No module named 'nowhere'"}


def test_a_worker_that_hangs_is_ended_and_the_other_goes_on(crew: Crew, tmp_path: Path) -> None:
    hanging = crew.give(job("hang", tmp_path))
    assert crew.messages.get(timeout=60.0) == (hanging, {"begun": True})
    other = crew.give(job("write", tmp_path))
    assert crew.is_full
    assert verdict(crew, other) == {"sent": True}
    crew.bury(hanging)
    assert verdict(crew, hanging) is None
    assert not crew.is_full


def test_idle_workers_go_home(crew: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = crew.give(job("write", tmp_path))
    assert verdict(crew, worker) == {"sent": True}
    crew.free(worker)
    crew.send_home()
    monkeypatch.setattr("lineside.outbox.crew.REST", -1.0)
    crew.send_home()
    assert verdict(crew, worker) is None
