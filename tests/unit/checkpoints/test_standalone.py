from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from lineside.checkpoints import standalone
from lineside.checkpoints.format import Manifest
from lineside.checkpoints.standalone import StandaloneFiles, sweep, withdraw
from lineside.errors import CheckpointContentsError, StandaloneNotOwned
from tests.unit.checkpoints.toys import manifest, tree, writes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    return tmp_path / "run" / "checkpoints"


def stage(root: Path, step: int, files: dict[Path, bytes], owned: list[Manifest]) -> tuple[StandaloneFiles, Manifest]:
    """Stage files and return what the manifest of that step would say."""
    entry = manifest(step)
    writers = {path: writes(data) for path, data in files.items()}
    staged = StandaloneFiles(root, entry.name, writers, owned)
    return staged, replace(entry, standalone=staged.stage())


def publish(root: Path, step: int, files: dict[Path, bytes], owned: list[Manifest]) -> Manifest:
    staged, entry = stage(root, step, files, owned)
    staged.publish()
    return entry


def test_nothing_is_visible_before_the_commit_and_all_after_it(root: Path, tmp_path: Path) -> None:
    best = tmp_path / "models" / "best.pt"
    staged, entry = stage(root, 1, {best: b"new"}, [])
    assert not best.exists()
    assert list(entry.standalone) == ["../../models/best.pt"]
    staged.publish()
    assert tree(tmp_path) == {"models/best.pt": b"new"}


def test_writers_see_the_suffix_that_they_may_choose_their_format_by(root: Path, tmp_path: Path) -> None:
    seen: list[Path] = []

    def write(path: Path) -> None:
        seen.append(path)
        path.touch()

    StandaloneFiles(root, manifest(1).name, {tmp_path / "a.keras": write}, []).stage()
    assert seen[0].suffix == ".keras"
    assert seen[0].parent == tmp_path


def test_what_is_given_up_leaves_nothing(root: Path, tmp_path: Path) -> None:
    staged, _ = stage(root, 1, {tmp_path / "best.pt": b"new"}, [])
    staged.discard()
    assert tree(tmp_path) == {}


def test_its_own_file_is_replaced(root: Path, tmp_path: Path) -> None:
    best = tmp_path / "best.pt"
    first = publish(root, 1, {best: b"old"}, [])
    publish(root, 2, {best: b"new"}, [first])
    assert best.read_bytes() == b"new"


@pytest.mark.parametrize("change", [lambda path: path.write_bytes(b"hand"), lambda path: path.write_bytes(b"longer")])
def test_a_file_of_somebody_else_is_not_replaced(root: Path, tmp_path: Path, change: object) -> None:
    best = tmp_path / "best.pt"
    first = publish(root, 1, {best: b"ours"}, [])
    change(best)  # type: ignore[operator]
    before = tree(tmp_path)
    with pytest.raises(StandaloneNotOwned, match=r"best\.pt exists and was not written by this run"):
        stage(root, 2, {best: b"new"}, [first])
    assert tree(tmp_path) == before


def test_a_link_at_the_target_is_not_replaced(root: Path, tmp_path: Path) -> None:
    (tmp_path / "best.pt").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StandaloneNotOwned):
        stage(root, 1, {tmp_path / "best.pt": b"new"}, [])


def test_no_target_lies_inside_of_a_checkpoint(root: Path) -> None:
    with pytest.raises(CheckpointContentsError, match="inside of a checkpoint"):
        stage(root, 2, {root / manifest(1).name / "best.pt": b"new"}, [])


def test_pruning_takes_the_file_along(root: Path, tmp_path: Path) -> None:
    entry = publish(root, 1, {tmp_path / "a.pt": b"a", tmp_path / "b.pt": b"b"}, [])
    (tmp_path / "b.pt").write_bytes(b"changed by hand")
    withdraw(root, entry, [])
    assert tree(tmp_path) == {"b.pt": b"changed by hand"}
    withdraw(root, entry, [])


def test_pruning_leaves_what_a_newer_checkpoint_has_written_there(root: Path, tmp_path: Path) -> None:
    best = tmp_path / "best.pt"
    first = publish(root, 1, {best: b"same"}, [])
    second = publish(root, 2, {best: b"same"}, [first])
    withdraw(root, first, [second])
    assert best.read_bytes() == b"same"
    third = publish(root, 3, {best: b"other"}, [second])
    withdraw(root, second, [third])
    assert best.read_bytes() == b"other"


def test_a_project_that_is_moved_as_a_whole_keeps_what_it_owns(root: Path, tmp_path: Path) -> None:
    entry = publish(root, 1, {tmp_path / "run" / "best.pt": b"ours"}, [])
    (tmp_path / "run").rename(tmp_path / "moved")
    publish(tmp_path / "moved" / "checkpoints", 2, {tmp_path / "moved" / "best.pt": b"new"}, [entry])
    assert tree(tmp_path) == {"moved/best.pt": b"new"}


def test_a_run_reached_by_a_link_owns_the_same_files(root: Path, tmp_path: Path) -> None:
    entry = publish(root, 1, {tmp_path / "best.pt": b"ours"}, [])
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "link").symlink_to(root)
    withdraw(tmp_path / "a" / "b" / "link", entry, [])
    assert tree(tmp_path) == {}


class TestSweep:
    def test_what_was_committed_is_put_in_place(self, root: Path, tmp_path: Path) -> None:
        _, entry = stage(root, 1, {tmp_path / "best.pt": b"new"}, [])
        sweep(root, [entry])
        assert tree(tmp_path) == {"best.pt": b"new"}

    def test_what_was_not_committed_is_removed(self, root: Path, tmp_path: Path) -> None:
        first = publish(root, 1, {tmp_path / "best.pt": b"old"}, [])
        stage(root, 2, {tmp_path / "best.pt": b"new"}, [first])
        sweep(root, [first])
        assert tree(tmp_path) == {"best.pt": b"old"}

    def test_an_older_one_never_replaces_a_newer(self, root: Path, tmp_path: Path) -> None:
        _, first = stage(root, 1, {tmp_path / "best.pt": b"old"}, [])
        second = publish(root, 2, {tmp_path / "best.pt": b"new"}, [first])
        sweep(root, [first, second])
        assert tree(tmp_path) == {"best.pt": b"new"}

    def test_a_torn_one_is_removed(self, root: Path, tmp_path: Path) -> None:
        _, entry = stage(root, 1, {tmp_path / "best.pt": b"new"}, [])
        next(tmp_path.glob(".*best.pt")).write_bytes(b"ne")
        sweep(root, [entry])
        assert tree(tmp_path) == {}

    def test_a_file_of_somebody_else_stays(self, root: Path, tmp_path: Path) -> None:
        _, entry = stage(root, 1, {tmp_path / "best.pt": b"new"}, [])
        (tmp_path / "best.pt").write_bytes(b"by hand")
        sweep(root, [entry])
        assert tree(tmp_path) == {"best.pt": b"by hand"}

    def test_a_note_from_elsewhere_reaches_no_file(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / "precious").write_bytes(b"kept")
        name = manifest(1).name
        note = root / f"{standalone._NOTE}{name}.json"
        for paths in (["../../precious"], [3], "precious", None):
            note.write_bytes(standalone.seal({"paths": paths}, note.name))
            sweep(root, [])
        note.write_bytes(b"no JSON")
        sweep(root, [])
        note.symlink_to(tmp_path / "precious")
        sweep(root, [])
        assert (tmp_path / "precious").read_bytes() == b"kept"
        assert os.path.lexists(note)
