from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from lineside.errors import RunNotFound
from lineside.run.session import Place, Session, checkpoint_to_resume
from lineside.store import RunDirectory, RunReader
from lineside.store.handover import Handover
from tests.unit.run.deaths import interrupted
from tests.unit.run.toys import MakeRun, ask, train


def place(make_run: MakeRun) -> Place:
    run = make_run()
    return run._open.args[0]


def open_session(where: Place, **options: object) -> Session:
    given = {"resume": None, "start_from": None, "continue_stopped": False, "seed": 0, "hparams": {}} | options
    return Session.open(where, **given)  # type: ignore[arg-type]


def test_a_new_session_begins_from_nothing(make_run: MakeRun) -> None:
    session = open_session(place(make_run), seed=3, hparams={"width": 3})
    assert (session.record.attempt, session.record.seed, session.record.hparams) == (1, 3, {"width": 3})
    assert (session.checkpoint, session.resumed_step, session.branched) == (None, None, False)
    assert (session.answered, session.replay, session.evaluates) == ([], [], False)
    session.close("completed", "done", {})
    assert session.directory.status() == "completed"


def test_an_attempt_begins_in_the_store_with_its_checkpoint(make_run: MakeRun) -> None:
    run = interrupted(make_run)
    session = open_session(place(make_run), resume=run.name)
    assert session.checkpoint is not None
    assert (session.record.attempt, session.resumed_step) == (2, 1)
    session.open_store().close()
    with RunReader.open(run.dir) as reader:
        first, second = reader.attempts()
    assert (first.resumed_step, second.resumed_step) == (None, 1)
    assert second.resumed_time == datetime.fromisoformat(session.checkpoint.manifest.created).timestamp()
    session.close("failed", None, {})


def test_a_damaged_checkpoint_is_named_and_an_older_one_taken(
    make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    pins = ask("pins", "on_batch_end", lambda run: run.save("old", pin="me"))
    with make_run(pins) as run:
        train(run)
    newest = run.checkpoints.last
    (newest.path / "state.json").write_bytes(b"{}")
    session = open_session(place(make_run), resume=run.name)
    assert session.resumed_step == 1
    assert f"Checkpoint {newest.path} is damaged" in caplog.text
    session.close("failed", None, {})


def test_without_any_sound_checkpoint_the_run_begins_anew_and_says_so(
    make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    with make_run() as run:
        train(run)
    (run.checkpoints.last.path / "state.json").write_bytes(b"{}")
    with make_run(resume=run.name) as again:
        assert again.step == 0
        train(again)
    assert "left no checkpoint to resume from: it begins anew" in caplog.text
    assert again.history["train/loss"] == [1.5, 1.5]


def test_an_evaluation_needs_a_run(make_run: MakeRun) -> None:
    where = place(make_run)
    with pytest.raises(RunNotFound):
        Session.for_evaluation(where, where.run_dir / "nothing")


def test_a_supervised_session_tells_its_directory_and_goes_on_where_the_dead_attempt_was(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Handover(tmp_path / "attempt-1")
    monkeypatch.setenv("LINESIDE_SUPERVISED", str(first.path))
    run = interrupted(make_run)
    assert [entry.run for entry in first.opened()] == [str(run.dir)]
    second = first.next(tmp_path / "attempt-2")
    monkeypatch.setenv("LINESIDE_SUPERVISED", str(second.path))
    assert checkpoint_to_resume(place(make_run), None) is not None
    session = open_session(place(make_run))
    assert (session.directory.name, session.record.attempt) == (run.name, 2)
    assert [entry.run for entry in second.opened()] == [str(run.dir)]
    session.close("completed", "done", {})
    # It is over now: a script that is started once more trains it anew.
    monkeypatch.setenv("LINESIDE_SUPERVISED", str(second.next(tmp_path / "attempt-3").path))
    anew = open_session(place(make_run))
    assert anew.directory.name != run.name
    anew.close("completed", "done", {})


def test_why_an_earlier_attempt_ended_is_not_said_of_the_one_that_goes_on(make_run: MakeRun) -> None:
    run = interrupted(make_run)
    assert RunDirectory.open(run.dir).read_record().reason
    session = open_session(place(make_run), resume="auto")
    assert (session.record.status, session.directory.read_record().reason) == ("running", None)
    session.close("completed", "done", {})


def test_a_variable_resumes_where_the_code_says_nothing(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = interrupted(make_run)
    monkeypatch.setenv("LINESIDE_RESUME", "auto")
    session = open_session(place(make_run))
    assert session.directory.name == run.name
    session.close("completed", "done", {})


def test_a_supervisor_that_cannot_be_told_costs_nothing_but_a_warning(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LINESIDE_SUPERVISED", str(tmp_path / "gone" / "attempt-1"))
    open_session(place(make_run)).close("completed", "done", {})
    assert "The supervisor could not be told of this run" in caplog.text
