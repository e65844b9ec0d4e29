from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from lineside.checkpoints import staging
from lineside.checkpoints.checkpoint import Checkpoint
from lineside.checkpoints.digests import digest_bytes
from lineside.checkpoints.staging import Staging, leftovers, make_directory, sweep, taken, throw_away
from lineside.errors import CheckpointDamaged
from tests.unit.checkpoints.toys import manifest, tensors, writes

WHOLE = manifest(3)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What has been flushed, created, renamed and removed, in order, by name."""
    seen: list[str] = []
    real_fsync, real_rename = os.fsync, os.rename
    real_replace, real_rmdir, real_mkdir = os.replace, os.rmdir, os.mkdir

    def fsync(descriptor: int) -> None:
        real_fsync(descriptor)
        seen.append("fsync " + Path(f"/proc/self/fd/{descriptor}").readlink().name)

    def renamed(real: object) -> object:
        def rename(source: str, target: str) -> None:
            real(source, target)  # type: ignore[operator]
            seen.append(f"rename {Path(source).name} {Path(target).name}")

        return rename

    def rmdir(path: str, **options: int) -> None:
        real_rmdir(path, **options)
        seen.append(f"rmdir {Path(path).name}")

    def mkdir(path: str, mode: int = 0o777) -> None:
        real_mkdir(path, mode)
        seen.append(f"mkdir {Path(path).name}")

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc: what was flushed cannot be seen")
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", renamed(real_rename))
    monkeypatch.setattr(os, "replace", renamed(real_replace))
    monkeypatch.setattr(os, "rmdir", rmdir)
    monkeypatch.setattr(os, "mkdir", mkdir)
    return seen


def test_the_commit_flushes_everything_in_order_and_renames_last(tmp_path: Path, log: list[str]) -> None:
    stage = Staging(tmp_path, WHOLE.name)
    stage.create()
    records = {name: stage.write(name, writes(tensors(1))) for name in ("model.safetensors", "rank-0/x.safetensors")}
    stage.commit(replace(WHOLE, files=records))
    hidden = f".staging-{WHOLE.name}"
    assert log == [
        f"mkdir {hidden}",
        "fsync model.safetensors",
        "mkdir rank-0",
        "fsync x.safetensors",
        "fsync manifest.json",
        "fsync rank-0",
        f"fsync {hidden}",
        f"rename {hidden} {WHOLE.name}",
        f"fsync {tmp_path.name}",
    ]
    Checkpoint.open(tmp_path / WHOLE.name).verify()


def test_deleting_makes_the_new_name_durable_before_it_removes_anything(tmp_path: Path, log: list[str]) -> None:
    (tmp_path / WHOLE.name).mkdir()
    log.clear()
    throw_away(tmp_path, [WHOLE.name, "gone-already"])
    hidden = f".trash-{WHOLE.name}"
    assert log == [f"rename {WHOLE.name} {hidden}", f"fsync {tmp_path.name}", f"rmdir {hidden}"]
    assert list(tmp_path.iterdir()) == []


def test_records_hold_size_digest_and_trust(tmp_path: Path) -> None:
    stage = Staging(tmp_path, WHOLE.name)
    stage.create()
    record = stage.write_bytes("state.json", b"{}")
    assert (record.size, record.digest, record.trusted_only) == (2, digest_bytes(b"{}"), False)
    assert stage.write_bytes("native.pt", b"x").trusted_only
    assert stage.write("host.safetensors", writes(tensors(0)), declared_trusted_only=True).trusted_only
    assert stage.part == "host.safetensors"


def test_a_writer_that_writes_nothing_or_a_link_is_found(tmp_path: Path) -> None:
    stage = Staging(tmp_path, WHOLE.name)
    stage.create()
    with pytest.raises(FileNotFoundError, match="no plain file"):
        stage.write("a.json", lambda path: None)
    with pytest.raises(FileNotFoundError, match="no plain file"):
        stage.write("b.json", lambda path: path.symlink_to("/etc/passwd"))


def test_what_a_writer_leaves_beside_its_file_is_not_committed(tmp_path: Path) -> None:
    stage = Staging(tmp_path, WHOLE.name)
    stage.create()

    def litter(path: Path) -> None:
        path.write_bytes(b"{}")
        path.with_name("litter").touch()

    record = stage.write("state.json", litter)
    with pytest.raises(CheckpointDamaged, match="litter"):
        stage.commit(replace(WHOLE, files={"state.json": record}))
    stage.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_rename_without_its_flush_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Staging(tmp_path, WHOLE.name)
    stage.create()

    def fail(source: Path, target: Path) -> None:
        source.rename(target)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(staging, "rename", fail)
    with pytest.raises(OSError, match="Input/output"):
        stage.commit(WHOLE)
    assert (tmp_path / WHOLE.name).exists()
    stage.discard()
    assert list(tmp_path.iterdir()) == []


def test_leftovers_are_known_by_their_names_and_swept(tmp_path: Path) -> None:
    for name in (f".staging-{WHOLE.name}", f".trash-{WHOLE.name}", WHOLE.name, ".staging-other", "mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    assert [path.name for path in leftovers(tmp_path)] == [f".staging-{WHOLE.name}", f".trash-{WHOLE.name}"]
    assert taken(tmp_path, WHOLE.name)
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".staging-other", WHOLE.name, "mine"]


def test_sweeping_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (tmp_path / f".trash-{WHOLE.name}").symlink_to(tmp_path / "precious")
    sweep(tmp_path)
    assert (tmp_path / "precious" / "file").exists()


@pytest.mark.parametrize("prefix", ["", ".staging-", ".trash-"])
def test_a_name_is_taken_in_every_form(tmp_path: Path, prefix: str) -> None:
    assert not taken(tmp_path, WHOLE.name)
    (tmp_path / f"{prefix}{WHOLE.name}").mkdir()
    assert taken(tmp_path, WHOLE.name)


def test_new_directories_are_made_durable_from_the_top(tmp_path: Path, log: list[str]) -> None:
    make_directory(tmp_path / "a" / "b")
    assert log == ["mkdir a", f"fsync {tmp_path.name}", "mkdir b", "fsync a"]
    make_directory(tmp_path / "a" / "b")
    assert len(log) == 4
