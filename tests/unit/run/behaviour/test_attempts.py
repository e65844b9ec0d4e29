"""Which run is resumed, what is final, how one run branches from another, and that a run has one writer."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from lineside.errors import (
    NothingToResume,
    RunDirectoryBusy,
    RunNotFound,
)
from lineside.store import RunReader
from tests.unit.run.deaths import interrupted, kill, killed
from tests.unit.run.toys import (
    Made,
    MakeRun,
    Trace,
    ask,
    status,
    train,
)

# ---- which run -------------------------------------------------------------------------------------------------------


def test_auto_begins_a_run_where_there_is_none_to_resume(make_run: MakeRun) -> None:
    with make_run() as done:
        train(done)
    with make_run(resume="auto") as run:
        train(run)
    assert run.attempt == 1
    assert run.dir != done.dir


def test_auto_takes_the_newest_of_its_project_and_name(make_run: MakeRun) -> None:
    first, second = interrupted(make_run), interrupted(make_run)
    interrupted(make_run, name="another")
    interrupted(make_run, project="another")
    assert first.dir != second.dir
    with make_run(resume="auto") as run:
        assert run.dir == second.dir
        train(run)
    with make_run(resume="auto") as run:
        assert run.dir == first.dir
        train(run)


def test_without_resume_a_new_run_begins(make_run: MakeRun) -> None:
    first = interrupted(make_run)
    with make_run() as run:
        assert run.dir != first.dir


def test_a_run_is_resumed_by_name_or_directory(make_run: MakeRun) -> None:
    first = interrupted(make_run)
    with make_run(resume=first.name) as run:
        assert (run.dir, run.step) == (first.dir, 1)
    with make_run(resume=str(first.dir)) as run:
        assert (run.dir, run.attempt) == (first.dir, 3)


def test_a_run_that_does_not_exist_cannot_be_resumed(make_run: MakeRun) -> None:
    with pytest.raises(RunNotFound), make_run(resume="nothing-like-it"):
        pass


def test_a_completed_run_is_resumed_by_name_for_more_epochs(make_run: MakeRun) -> None:
    with make_run() as done:
        train(done, epochs=1)
    with make_run(resume=done.name) as run:
        train(run, epochs=3)
    assert run.history == {"train/loss": [1.5] * 3, "val/loss": [3.0] * 3}
    assert status(run) == "completed"


def test_a_stop_is_final(make_run: MakeRun) -> None:
    with make_run(ask("asks", "on_batch_end", lambda run: run.stop("enough"))) as stopped:
        train(stopped, epochs=5)
    with (
        pytest.raises(NothingToResume, match=r"was stopped \(enough\).*continue_stopped=True"),
        make_run(resume=stopped.name),
    ):
        pass
    with make_run(resume="auto") as run:
        assert run.dir != stopped.dir
    with make_run(trace := Trace(), resume=stopped.name, continue_stopped=True) as run:
        train(run, epochs=2)
    assert run.step == 3
    assert status(run) == "completed"
    assert trace.seen.count("on_epoch_start") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork")
@pytest.mark.parametrize("hook", ["on_checkpoint", "on_train_end", "on_teardown"])
def test_a_run_that_is_killed_while_it_stops_stays_stopped(make_run: MakeRun, hook: str) -> None:
    stops = ask("stops", "on_batch_end", lambda run: run.stop("enough"))
    killed(make_run, lambda run: train(run, epochs=5), stops, Made("kills", **{hook: kill}))
    with make_run(resume="auto") as run:
        train(run, epochs=5)
    assert (run.attempt, run.step, run.reason) == (2, 1, "enough")
    assert status(run) == "stopped"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork")
def test_a_stop_that_waited_behind_a_save_is_applied_when_the_run_resumes(make_run: MakeRun) -> None:
    def both(run: Any) -> None:
        run.stop("enough")
        run.save()

    killed(
        make_run, lambda run: train(run, epochs=5), ask("asks", "on_batch_end", both), Made("kills", on_val_start=kill)
    )
    with make_run(trace := Trace(), resume="auto") as run:
        train(run, epochs=5)
    assert (run.step, run.reason) == (1, "enough")
    assert trace.seen[1:5] == ["on_train_start", "on_train_epoch_end", "on_val_start", "on_val_batch_start"]


# ---- branches --------------------------------------------------------------------------------------------------------


def test_a_branch_begins_where_a_checkpoint_of_another_run_was(make_run: MakeRun) -> None:
    with make_run(Trace()) as parent:
        train(parent, epochs=2)
    with make_run(trace := Trace(), start_from=parent.checkpoints.last.path) as run:
        assert run.dir != parent.dir
        assert (run.step, run.epoch, run.attempt) == (4, 2, 1)
        train(run, epochs=3)
    assert run.history == {"train/loss": [1.5] * 3, "val/loss": [3.0] * 3}
    assert trace.seen.count("on_epoch_end") == 3
    assert run.wiring is not None
    with RunReader.open(run.dir) as reader:
        assert [attempt.number for attempt in reader.attempts()] == [1]
    assert str(parent.dir) in str(run._session.record.parent)
    assert parent.checkpoints.last.path.is_dir()


def test_a_branch_does_not_inherit_the_end_of_its_parent(make_run: MakeRun) -> None:
    def enough(run: Any) -> None:
        run.save("last")
        run.stop("enough")

    with make_run(ask("stops", "on_epoch_end", enough)) as parent:
        train(parent, epochs=5)
    assert status(parent) == "stopped"
    with make_run(start_from=parent.checkpoints.last.path) as run:
        train(run, epochs=3)
    assert (run.step, status(run)) == (6, "completed")


def test_a_branch_and_a_resume_at_once_are_refused(make_run: MakeRun) -> None:
    with pytest.raises(NothingToResume, match="give one of them"), make_run(resume="auto", start_from="x"):
        pass


# ---- one writer ------------------------------------------------------------------------------------------------------


def test_a_second_run_in_one_directory_is_refused(make_run: MakeRun) -> None:
    with make_run() as run:
        with pytest.raises(RunDirectoryBusy, match=f"process {os.getpid()}"), make_run(resume=str(run.dir)):
            pass
        train(run)
    assert status(run) == "completed"
    with make_run(resume=str(run.dir)) as again:
        assert again.attempt == 2


def test_other_hyper_parameters_are_told_and_the_same_ones_are_not(
    make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    hparams = {"betas": (0.9, 0.99), "width": 3}
    run = interrupted(make_run, hparams=hparams)
    with make_run(resume=run.name, hparams=hparams):
        pass
    assert "other hyper-parameters" not in caplog.text
    with make_run(resume=run.name):
        pass
    assert "other hyper-parameters" not in caplog.text
    with make_run(resume=run.name, hparams={"width": 4}) as run:
        assert run.hparams == {"width": 4}
    assert "other hyper-parameters" in caplog.text
