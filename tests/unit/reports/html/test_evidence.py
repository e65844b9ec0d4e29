from __future__ import annotations

from pathlib import Path

import pytest

from lineside.errors import RunNotFound, StoreDamaged
from lineside.files import FileLock
from lineside.reports.html.evidence import Evidence
from lineside.reports.html.selection import MOST_METRICS
from tests.unit.reports.html.recorded import Recorded


def test_everything_that_a_run_has_left(recorded: Recorded) -> None:
    recorded.metric("val/loss", [1.0, 0.5])
    recorded.event("epoch_end", step=1)
    recorded.text("notes", "hello")
    evidence = recorded.evidence()
    assert list(evidence.curves["val/loss"].values) == [1.0, 0.5]
    assert evidence.latest["val/loss"].value == 0.5
    assert (evidence.status, evidence.record.project) == ("running", "digits")
    assert [text.text for text in evidence.texts] == ["hello"]
    assert (evidence.last_steps, [one.number for one in evidence.attempts]) == ({1: 2}, [1])


def test_what_was_made_anew_counts_once_and_stays_in_the_history(recorded: Recorded) -> None:
    recorded.event("alert", {"title": "first"}, step=5)
    recorded.attempt(2, resumed_step=3)
    recorded.event("alert", {"title": "again"}, step=5)
    evidence = recorded.evidence()
    assert [event.data["title"] for event in evidence.of_kind("alert")] == ["again"]
    assert [event.data["title"] for event in evidence.history] == ["first", "again"]


def test_curves_of_which_nothing_counts_are_left_out(recorded: Recorded) -> None:
    recorded.metric("val/loss", [1.0], every=9)
    recorded.attempt(2, resumed_step=3)
    assert dict(recorded.evidence().curves) == {}


def test_very_many_metrics_are_named_and_not_read(recorded: Recorded) -> None:
    for number in range(MOST_METRICS + 5):
        recorded.metric(f"gradients/{number}", [1.0])
    evidence = recorded.evidence()
    assert len(evidence.curves) == MOST_METRICS
    assert len(evidence.left_out) == 5


def test_a_run_that_has_recorded_nothing_yet_is_no_error(recorded: Recorded) -> None:
    recorded.end("failed", reason="boom")
    recorded.directory.database.unlink()
    evidence = recorded.evidence()
    assert (evidence.status, evidence.record.reason, evidence.events) == ("failed", "boom", ())


def test_a_lock_that_cannot_be_looked_at_leaves_what_the_run_says(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(path: Path) -> bool:
        raise PermissionError(path)

    monkeypatch.setattr(FileLock, "is_held", unreadable)
    assert recorded.evidence().status == "running"


def test_what_is_no_run_or_damaged_is_refused(recorded: Recorded, tmp_path: Path) -> None:
    with pytest.raises(RunNotFound, match=r"no run\.json"):
        Evidence.read(tmp_path)
    recorded.end()
    recorded.directory.database.write_bytes(b"no database" * 100)
    with pytest.raises(StoreDamaged):
        Evidence.read(recorded.path)
