"""Other runs, other people's files, a directory that was moved: nothing but a run's own is ever changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lineside.checkpoints.checkpoint import Checkpoint
from lineside.checkpoints.retention import KeepLast
from lineside.checkpoints.writer import CheckpointStore
from lineside.errors import CheckpointError
from tests.unit.checkpoints.toys import save, tree, writes

pytestmark = pytest.mark.faults


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two runs, a stand-alone model of each, and files that people put between them."""
    project = tmp_path / "project"
    for run in ("a", "b"):
        store = CheckpointStore(project / run / "checkpoints", run, retention=[KeepLast(2)])
        for step in (1, 2):
            save(store, step, tags=["best"], standalone={project / "models" / f"{run}-{step}.pt": writes(run.encode())})
    (project / "models" / "mine.pt").write_bytes(b"mine")
    (project / "a" / "checkpoints" / "notes.txt").write_bytes(b"mine")
    shutil.copytree(next((project / "b" / "checkpoints").glob("epoch*")), project / "epoch0001-step00000001-0000")
    return project


def without(files: dict[str, bytes], *prefixes: str) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if not name.startswith(prefixes)}


def work_on(store: CheckpointStore, models: Path) -> None:
    store.sweep()
    store.rebuild()
    for step in range(3, 9):
        save(store, step, tags=["best"], standalone={models / f"a-{step}.pt": writes(b"a")})
    store.prune()


def test_a_run_changes_nothing_but_its_own(project: Path) -> None:
    before = without(tree(project), "a/checkpoints/epoch", "a/checkpoints/index", "models/a-")
    store = CheckpointStore(project / "a" / "checkpoints", "a", retention=[KeepLast(2)])
    work_on(store, project / "models")
    after = tree(project)
    assert without(after, "a/checkpoints/epoch", "a/checkpoints/index", "models/a-") == before
    assert {name for name in after if name.startswith("models/a-")} == {"models/a-7.pt", "models/a-8.pt"}


def test_checkpoints_of_another_run_in_the_same_directory_are_safe(project: Path) -> None:
    for path in (project / "b" / "checkpoints").glob("epoch*"):
        shutil.copytree(path, project / "a" / "checkpoints" / path.name)
    before = tree(project / "b" / "checkpoints")
    store = CheckpointStore(project / "a" / "checkpoints", "a")
    assert [entry.run_id for entry in store.entries] == ["a", "a"]
    work_on(store, project / "models")
    there = tree(project / "a" / "checkpoints")
    assert {name: there[name] for name in before if name.startswith("epoch")} == without(before, "index")


def test_a_second_run_in_one_directory_is_refused(project: Path) -> None:
    before = tree(project)
    with pytest.raises(CheckpointError, match="of the run 'a', not of 'b'"):
        CheckpointStore(project / "a" / "checkpoints", "b")
    assert tree(project) == before


@pytest.mark.parametrize("moved", ["the project", "the run"])
def test_after_a_move_nothing_outside_is_deleted(project: Path, tmp_path: Path, moved: str) -> None:
    if moved == "the project":
        place = project.rename(tmp_path / "elsewhere") / "a"
    else:
        place = (project / "a").rename(tmp_path / "deeper")
    mine = ("a/checkpoints/", "deeper/checkpoints/", "elsewhere/a/checkpoints/", "elsewhere/models/a-", "models/a-")
    before = without(tree(tmp_path), *mine)
    store = CheckpointStore(place / "checkpoints", "a")
    assert [entry.step for entry in store.entries] == [1, 2]
    work_on(store, place.parent / "models")
    assert without(tree(tmp_path), *mine) == before
    if moved == "the run":  # its old models are no longer where it knows them, and stay
        assert (project / "models" / "a-1.pt").exists()
    else:
        assert {path.name for path in (tmp_path / "elsewhere" / "models").glob("a-*")} == {"a-8.pt"}


def test_what_a_run_was_resumed_from_outlives_the_whole_attempt(project: Path) -> None:
    first = CheckpointStore(project / "a" / "checkpoints", "a").entries[0].name
    store = CheckpointStore(project / "a" / "checkpoints", "a")
    for step in range(3, 9):
        save(store, step, parent=first)
    Checkpoint.open(store.root / first).verify()
    assert [entry.step for entry in store.entries] == [1, 2, 8]  # resumed from, best, last
