from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from lineside.errors import AttachError, CheckpointNotFound, OptionError, RunDirectoryBusy, RunStateError
from lineside.run import Run
from lineside.store import RunDirectory
from tests.unit.run.deaths import interrupted
from tests.unit.run.toys import Made, MakeRun, Trace, events, status, train


def test_callbacks_come_and_go_until_the_run_opens(make_run: MakeRun) -> None:
    first, second = Trace(name="first"), Trace(name="second")
    run = make_run(first)
    run.add_callback(second)
    run.remove_callback(first)
    with run:
        for change in (run.add_callback, run.remove_callback):
            with pytest.raises(RunStateError, match="until the run opens"):
                change(first)
    assert first.seen == []
    assert second.seen == ["on_setup", "on_teardown"]


def test_only_what_is_there_can_be_taken_out(make_run: MakeRun) -> None:
    run = make_run("log-metrics")
    with pytest.raises(RunStateError, match="is not among the callbacks"):
        run.remove_callback(Trace())
    run.remove_callback("log-metrics")
    with run:
        assert run.callbacks == ()


def test_a_run_opens_once(make_run: MakeRun) -> None:
    run = make_run()
    with run, pytest.raises(RunStateError), run:
        pass
    with pytest.raises(RunStateError, match="with"), run:
        pass


def test_nothing_lies_on_the_disk_before_the_run_opens(make_run: MakeRun, run_dir: Path) -> None:
    run = make_run()
    assert list(run_dir.iterdir()) == []
    assert not run.opened
    with run:
        assert run.opened
        assert run.dir.is_relative_to(run_dir)
        assert (run.project, run.name, run.host) == ("default", run.dir.name, "loop")


def test_a_callback_that_cannot_join_leaves_no_directory(make_run: MakeRun, run_dir: Path) -> None:
    with pytest.raises(AttachError), make_run(Trace(), Trace()):
        pass
    assert list(run_dir.iterdir()) == []


def test_a_wrong_environment_is_told_and_leaves_no_lock(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = interrupted(make_run)
    monkeypatch.setenv("LINESIDE_ON_ERROR", "sometimes")
    with pytest.raises(OptionError, match="LINESIDE_ON_ERROR"), make_run(resume=run.name):
        pass
    monkeypatch.delenv("LINESIDE_ON_ERROR")
    with make_run(resume=run.name) as again:
        train(again)
    assert status(again) == "completed"


def test_a_resume_that_fails_gives_the_lock_back(make_run: MakeRun) -> None:
    run = interrupted(make_run)
    record = run.dir / "run.json"
    content = record.read_bytes()
    record.write_bytes(content.replace(b'"format": 1', b'"format": 99'))
    with pytest.raises(Exception, match="format 99"), make_run(resume=str(run.dir)):
        pass
    record.write_bytes(content)
    with make_run(resume=str(run.dir)) as again:
        assert again.step == 1


def test_a_setup_that_fails_ends_the_run_and_gives_everything_back(make_run: MakeRun) -> None:
    def fail(run: Any) -> None:
        raise ValueError("no disk for plots")

    trace = Trace()
    run = make_run(trace, Made("strict", on_setup=fail, on_error="raise"))
    with pytest.raises(ValueError, match="no disk for plots"), run:
        pass
    assert trace.seen == ["on_setup", "on_exception", "on_teardown"]
    assert status(run) == "failed"
    with make_run(resume=str(run.dir)):
        pass


def test_a_checkpoint_that_is_not_there_begins_no_branch(make_run: MakeRun, run_dir: Path) -> None:
    with pytest.raises(CheckpointNotFound), make_run(start_from=run_dir / "nothing"):
        pass
    assert list(run_dir.iterdir()) == []


def test_how_a_run_ended_stands_in_its_record(make_run: MakeRun) -> None:
    with make_run(hparams={"width": 3}, name="mine", project="digits", seed=5) as run:
        assert run.hparams == {"width": 3}
        assert RunDirectory.open(run.dir).status() == "running"
        train(run)
    record = RunDirectory.open(run.dir).read_record()
    assert (record.status, record.reason) == ("completed", "all 2 epochs are done")
    assert record.progress == {"epoch": 2, "total_epochs": 2, "step": 4, "total_steps": None}
    assert (record.name, record.project, record.seed, record.hparams) == ("mine", "digits", 5, {"width": 3})
    assert run.dir.name.startswith("mine-")


def test_an_evaluation_of_a_run_that_is_over_changes_nothing_of_how_it_ended(make_run: MakeRun, run_dir: Path) -> None:
    with make_run(Made("stops", on_epoch_end=lambda run: run.stop("enough"))) as done:
        train(done)
    options: dict[str, Any] = {"project": "default", "name": None, "run_dir": run_dir}
    with Run.for_evaluation(done.dir, **options) as run:
        assert (run.attempt, run.step, run.epoch) == (2, 2, 0)
        with pytest.raises(RunDirectoryBusy), Run.for_evaluation(done.dir, **options):
            pass
        with run.evaluation("test"):
            for value in run.batches([1.0, 2.0]):
                run.log({"loss": value})
    assert run.metrics["test/loss"] == 1.5
    record = RunDirectory.open(done.dir).read_record()
    assert (record.status, record.reason) == ("stopped", "enough")
    assert [end["status"] for end in events(done, "end")] == ["stopped"]
    with Run.for_evaluation(None, **options) as alone:
        assert alone.dir != done.dir


def test_another_seed_than_the_runs_own_is_told(make_run: MakeRun, caplog: pytest.LogCaptureFixture) -> None:
    run = interrupted(make_run, seed=3)
    with make_run(resume=run.name, seed=3):
        pass
    assert "seed" not in caplog.text
    with make_run(resume=run.name, seed=4):
        pass
    assert "began with seed=3 and resumes with seed=4" in caplog.text


@pytest.mark.parametrize("seed", [3, None])
def test_a_seed_makes_runs_alike_and_none_leaves_the_generators_alone(make_run: MakeRun, seed: int | None) -> None:
    drawn = []
    for _ in range(2):
        with make_run(seed=seed) as run:
            train(run, epochs=1, do=lambda run, value: drawn.append(random.random()))
    assert (drawn[:2] == drawn[2:]) is (seed is not None)
