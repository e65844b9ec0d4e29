from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lineside.errors import OptionError, PathOutside, RunDirectoryBusy, RunNotFound, StoreDamaged, StoreTooNew
from lineside.files import FileLock
from lineside.store import RunDirectory, RunRecord

NOW = datetime(2026, 11, 21, 18, 30, 5, tzinfo=UTC)


def record(run: RunDirectory, **changes: object) -> RunRecord:
    given = {"id": run.name, "project": run.project, "name": "run", "status": "running", "created": 1.0, "updated": 1.0}
    return RunRecord(**given | changes)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create(tmp_path / "runs", "digits", "cnn", NOW, token="a1b2")


def test_a_run_gets_a_directory_of_its_own(run: RunDirectory, tmp_path: Path) -> None:
    assert run.path == tmp_path / "runs" / "digits" / "cnn-20261121-183005-a1b2"
    assert run.path.is_dir()
    assert (run.project, run.name) == ("digits", "cnn-20261121-183005-a1b2")
    places = [run.database, run.inbox, run.checkpoints, run.plots, run.tensorboard, run.record_path]
    assert [place.relative_to(run.path).as_posix() for place in places] == [
        "run.db",
        "inbox",
        "checkpoints",
        "plots",
        "tensorboard",
        "run.json",
    ]


def test_a_name_and_a_token_are_drawn_where_none_is_given(tmp_path: Path) -> None:
    runs = {RunDirectory.create(tmp_path, "p", None, NOW).name for _ in range(5)}
    assert len(runs) == 5
    assert all(re.fullmatch(r"run-20261121-183005-[0-9a-f]{4}", name) for name in runs)


def test_no_run_gets_the_directory_of_another(run: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="already has runs called cnn-20261121-183005"):
        RunDirectory.create(tmp_path / "runs", "digits", "cnn", NOW, token="a1b2")


@pytest.mark.parametrize("option", ["project", "name"])
@pytest.mark.parametrize(
    "name", ["..", ".hidden", "-rf", "a/b", "a\\b", "a\0b", "a\nb", " a", "a ", "x" * 101, "c:", "\u202e"]
)
def test_a_name_that_is_no_plain_name_is_refused(tmp_path: Path, option: str, name: str) -> None:
    names = {"project": "p", "name": "n"} | {option: name}
    with pytest.raises(OptionError, match=f"{option}=.*cannot name a directory"):
        RunDirectory.create(tmp_path, now=NOW, **names)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["损失", "run 2", "a.b", "x_1"])
def test_names_in_any_script_are_fine(tmp_path: Path, name: str) -> None:
    assert RunDirectory.create(tmp_path, name, name, NOW).path.is_dir()


def test_a_project_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "p").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PathOutside):
        RunDirectory.create(tmp_path / "runs", "p", None, NOW)


def test_only_a_run_can_be_opened(run: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(RunNotFound, match=r"no run\.json"):
        RunDirectory.open(run.path)
    run.write_record(record(run))
    assert RunDirectory.open(run.path).read_record() == record(run)
    with pytest.raises(RunNotFound):
        RunDirectory.open(tmp_path / "nowhere")


def test_a_second_writer_is_refused_with_the_name_of_the_first(run: RunDirectory) -> None:
    run.lock()
    run.lock()
    other = RunDirectory(run.path)
    with pytest.raises(RunDirectoryBusy, match="is being written by process"):
        other.lock()
    run.unlock()
    other.lock()
    other.unlock()


def test_a_run_that_says_it_runs_and_has_no_writer_was_killed(run: RunDirectory) -> None:
    run.write_record(record(run))
    assert run.status() == "killed"
    run.lock()
    assert run.status() == "running"
    assert FileLock.is_held(run.path / ".lock"), "looking does not drop the lock"
    run.unlock()
    run.write_record(record(run, status="completed"))
    assert run.status() == "completed"
    # A record that was read before is not read again.
    assert run.status(record(run)) == "killed"


def test_a_damaged_record_is_named(run: RunDirectory) -> None:
    run.record_path.write_bytes(b"{")
    with pytest.raises(StoreDamaged, match=r"run\.json is damaged"):
        run.read_record()
    run.record_path.write_bytes(b'{"format": 2}')
    with pytest.raises(StoreTooNew, match="format 2"):
        run.read_record()


def test_an_enormous_record_is_not_read(run: RunDirectory) -> None:
    with run.record_path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(StoreDamaged, match="more than"):
        run.read_record()
