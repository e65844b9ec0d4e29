from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lineside.errors import RunAmbiguous, RunNotFound
from lineside.store import RunDirectory, RunRecord, find_runs, newest_resumable, resolve_run
from lineside.store.catalogue import find_records

NOW = datetime(2026, 11, 21, 18, 30, 5, tzinfo=UTC)


def make(run_dir: Path, project: str, name: str, token: str, created: float, *status: str) -> RunDirectory:
    run = RunDirectory.create(run_dir, project, name, NOW, token=token)
    run.write_record(RunRecord(run.name, project, name, *(status or ["completed"]), created, created))
    return run


@pytest.fixture
def runs(tmp_path: Path) -> list[RunDirectory]:
    return [
        make(tmp_path, "p", "cnn", "aaaa", 1.0),
        make(tmp_path, "p", "cnn", "bbbb", 3.0, "interrupted"),
        make(tmp_path, "p", "mlp", "aaab", 2.0, "failed"),
        make(tmp_path, "q", "cnn", "cccc", 4.0, "running"),
    ]


def tokens(found: list[RunDirectory]) -> list[str]:
    return [run.name[-4:] for run in found]


def test_runs_are_found_the_newest_first(runs: list[RunDirectory], tmp_path: Path) -> None:
    assert tokens(find_runs(tmp_path)) == ["cccc", "bbbb", "aaab", "aaaa"]
    assert tokens(find_runs(tmp_path, "p")) == ["bbbb", "aaab", "aaaa"]
    assert tokens(find_runs(tmp_path, "p", "cnn")) == ["bbbb", "aaaa"]
    assert tokens(find_runs(tmp_path, name="mlp")) == ["aaab"]
    assert find_runs(tmp_path / "nowhere") == []


def test_what_is_no_run_is_passed_over_and_damage_comes_last(runs: list[RunDirectory], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "p" / "empty").mkdir()
    (tmp_path / ".trash").mkdir()
    runs[1].record_path.write_text("{")
    assert tokens(find_runs(tmp_path)) == ["cccc", "aaab", "aaaa", "bbbb"]
    assert tokens(find_runs(tmp_path, "p", "cnn")) == ["aaaa"]


def test_each_run_comes_with_its_record(runs: list[RunDirectory], tmp_path: Path) -> None:
    runs[1].record_path.write_text("{")
    found = find_records(tmp_path)
    assert [(run.name[-4:], record and record.name) for run, record in found] == [
        ("cccc", "cnn"),
        ("aaab", "mlp"),
        ("aaaa", "cnn"),
        ("bbbb", None),
    ]


def test_the_newest_run_that_did_not_end_is_resumed(runs: list[RunDirectory], tmp_path: Path) -> None:
    assert newest_resumable(tmp_path, "p", "cnn") is not None
    assert newest_resumable(tmp_path, "p", "cnn").name.endswith("bbbb")
    assert newest_resumable(tmp_path, "q", "cnn").name.endswith("cccc"), (
        "killed: it says running, and nobody holds its lock"
    )
    assert newest_resumable(tmp_path, "p", None) is None
    runs[3].lock()
    assert newest_resumable(tmp_path, "q", "cnn") is None
    runs[3].unlock()


def test_stopped_and_completed_runs_are_not_resumed_by_themselves(tmp_path: Path) -> None:
    make(tmp_path, "p", "run", "aaaa", 1.0, "stopped")
    make(tmp_path, "p", "run", "bbbb", 2.0, "completed")
    assert newest_resumable(tmp_path, "p", None) is None


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("mlp", "aaab"),
        ("q/cnn", "cccc"),
        ("bbbb", "bbbb"),
        ("p/bbbb", "bbbb"),
        ("cnn-20261121-183005-aaaa", "aaaa"),
        ("cnn-20261121-183005-b", "bbbb"),
        ("5-bbb", "bbbb"),
        ("p/05-aaab", "aaab"),
    ],
)
def test_a_name_may_be_shortened(runs: list[RunDirectory], tmp_path: Path, text: str, token: str) -> None:
    assert resolve_run(tmp_path, text).name.endswith(token)


def test_a_beginning_and_an_end_count_more_than_a_part(tmp_path: Path) -> None:
    make(tmp_path, "p", "net", "aaaa", 1.0)
    make(tmp_path, "p", "resnet", "bbbb", 2.0)
    assert resolve_run(tmp_path, "net").name.endswith("aaaa")
    assert resolve_run(tmp_path, "esnet").name.endswith("bbbb")
    with pytest.raises(RunAmbiguous):
        resolve_run(tmp_path, "et-")


def test_a_path_names_a_run_wherever_it_lies(runs: list[RunDirectory], tmp_path: Path) -> None:
    assert resolve_run(tmp_path / "elsewhere", str(runs[0].path)).path == runs[0].path


def test_a_name_that_fits_several_runs_lists_them(runs: list[RunDirectory], tmp_path: Path) -> None:
    with pytest.raises(
        RunAmbiguous, match=r"'cnn' stands for several runs: q/cnn-20261121-183005-cccc, p/cnn-.*bbbb, p/cnn-.*aaaa"
    ):
        resolve_run(tmp_path, "cnn")


def test_a_long_list_of_candidates_is_cut(tmp_path: Path) -> None:
    for number in range(12):
        make(tmp_path, "p", "run", f"{number:04x}", float(number))
    with pytest.raises(RunAmbiguous, match="and 2 more"):
        resolve_run(tmp_path, "run")


@pytest.mark.parametrize("text", ["mpl", "", "/", "p/", "../p", "r/cnn"])
def test_a_name_that_fits_nothing_is_told(runs: list[RunDirectory], tmp_path: Path, text: str) -> None:
    with pytest.raises(RunNotFound, match="There is no run"):
        resolve_run(tmp_path, text)
