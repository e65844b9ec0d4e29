from __future__ import annotations

from lineside.reports.html.attempts import attempts
from lineside.reports.html.contents import contents
from lineside.reports.html.decisions import kinds, marks
from tests.unit.reports.html.recorded import BEGAN, Recorded


def test_one_that_was_killed_and_one_that_came_to_its_end(recorded: Recorded) -> None:
    recorded.event("train_start")
    recorded.event("epoch_end", step=30)
    recorded.metric("batch/loss", [1.0] * 41)
    recorded.attempt(2, resumed_step=30)
    recorded.event("train_start", step=30, epoch=1)
    recorded.event("epoch_end", step=60, epoch=1)
    recorded.ended("stopped", "enough")
    recorded.end("stopped")
    first, second = attempts(recorded.evidence())
    assert (first.number, first.status, first.reason, first.resumed_step) == (1, "killed", "", None)
    # Eleven batches were trained after the checkpoint, and once more by the second attempt.
    assert (first.step, first.lost) == (41, 11)
    assert (second.status, second.reason, second.resumed_step, second.step, second.lost) == (
        *("stopped", "enough", 30, 60, 0),
    )
    assert BEGAN < first.started < first.ended < second.started < second.ended


def test_the_last_one_stands_as_the_run_does(recorded: Recorded) -> None:
    recorded.event("train_start")
    assert [one.status for one in attempts(recorded.evidence())] == ["running"]
    recorded.directory.unlock()
    assert [one.status for one in attempts(recorded.evidence())] == ["killed"]


def test_one_that_began_anew_loses_everything(recorded: Recorded) -> None:
    recorded.event("train_start")
    recorded.event("epoch_end", step=30)
    recorded.attempt(2, resumed_step=None)
    assert [one.lost for one in attempts(recorded.evidence())] == [30, 0]


def test_an_evaluation_is_no_training(recorded: Recorded) -> None:
    recorded.event("train_start")
    recorded.ended()
    recorded.attempt(2, resumed_step=30)
    recorded.attempt(3, resumed_step=30)
    evidence = recorded.evidence()
    assert [one.status for one in attempts(evidence)] == ["completed", "evaluated", "evaluated"]
    assert kinds(marks(evidence, None)) == []
    assert contents(evidence, "en")["trainings"] == 1


def test_a_run_without_records_has_none(recorded: Recorded) -> None:
    recorded.end()
    recorded.directory.database.unlink()
    assert attempts(recorded.evidence()) == []
