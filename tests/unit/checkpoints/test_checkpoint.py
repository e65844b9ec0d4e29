from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lineside.checkpoints.checkpoint import Checkpoint, read_manifest
from lineside.checkpoints.documents import seal, unseal
from lineside.checkpoints.format import Contents, MetricRecord
from lineside.checkpoints.writer import CheckpointStore
from lineside.errors import CheckpointDamaged, CheckpointNotFound, CheckpointTooNew, CheckpointUntrusted
from tests.unit.checkpoints.toys import contents, save, tensors, writes


@pytest.fixture
def path(store: CheckpointStore) -> Path:
    """A committed checkpoint with a pickle of its host in it."""
    whole = contents(3, best=float("inf"))
    with_pickle = Contents(
        {**whole.files, "native.pt": writes(b"\x80pickle")}, whole.documents, frozenset({"native.pt"})
    )
    metrics = {"val/loss": MetricRecord(0.25, 30, 2)}
    return store.save(with_pickle, step=30, epoch=2, tags=["best"], metrics=metrics).path


def test_what_was_saved_can_be_read_without_the_run(path: Path) -> None:
    checkpoint = Checkpoint.open(path)
    checkpoint.verify()
    assert (checkpoint.name, checkpoint.step, checkpoint.epoch, checkpoint.tags) == (path.name, 30, 2, ("best",))
    assert checkpoint.metrics == {"val/loss": MetricRecord(0.25, 30, 2)}
    assert checkpoint.document("state.json") == {"seed": 3, "best": float("inf")}
    assert checkpoint.file("model.safetensors").read_bytes() == tensors(3)
    assert checkpoint.has("rank-0/state.json")
    assert not checkpoint.has("rank-1/state.json")


def test_it_is_a_path_and_says_what_it_is(path: Path) -> None:
    checkpoint = Checkpoint.open(path)
    assert os.fspath(checkpoint) == str(path)
    assert Path(checkpoint) == path
    assert "step=30" in repr(checkpoint)
    assert path.name in repr(checkpoint)


def test_it_can_be_moved_and_renamed(path: Path, tmp_path: Path) -> None:
    moved = shutil.move(path, tmp_path / "mine")
    Checkpoint.open(moved).verify()


def test_a_name_that_is_not_there_is_answered_with_those_that_are(path: Path) -> None:
    with pytest.raises(CheckpointNotFound, match=r"no 'optimizer\.safetensors'.*model\.safetensors"):
        Checkpoint.open(path).file("optimizer.safetensors")
    with pytest.raises(CheckpointNotFound, match="no checkpoint"):
        Checkpoint.open(path.parent / "missing")


def test_a_pickle_is_handed_out_only_where_its_author_is_trusted(path: Path, store: CheckpointStore) -> None:
    with pytest.raises(CheckpointUntrusted, match="trust=True"):
        Checkpoint.open(path).file("native.pt")
    assert Checkpoint.open(path, trust=True).file("native.pt").read_bytes() == b"\x80pickle"
    assert store.find(path.name).file("native.pt") == path / "native.pt"


def change(path: Path, **values: object) -> None:
    """Forge a manifest that fits its own digest."""
    data = unseal((path / "manifest.json").read_bytes())
    (path / "manifest.json").write_bytes(seal(data | values, "manifest.json"))


def test_a_manifest_that_calls_a_pickle_harmless_is_not_believed(path: Path) -> None:
    files = unseal((path / "manifest.json").read_bytes())["files"]
    files["native.pt"]["trusted_only"] = False
    change(path, files=files)
    with pytest.raises(CheckpointUntrusted):
        Checkpoint.open(path).file("native.pt")


@pytest.mark.parametrize(
    ("break_it", "culprit", "how"),
    [
        (lambda path: (path / "state.json").unlink(), "state.json", "missing"),
        (lambda path: (path / "state.json").write_bytes(b""), "state.json", "0 bytes, where"),
        (lambda path: (path / "extra.json").touch(), "extra.json", "a foreign file"),
        (lambda path: (path / "extra").mkdir(), "extra", "an empty directory"),
        (lambda path: (path / "extra").symlink_to(path), "extra", "a link"),
        (lambda path: (path / "manifest.json").unlink(), "manifest.json", "missing"),
        (lambda path: (path / "manifest.json").write_bytes(b" " * ((16 << 20) + 1)), "manifest.json", "larger than"),
        (lambda path: (path / "manifest.json").write_bytes(b"{}"), "manifest.json", "digest"),
    ],
)
def test_a_wrong_shape_is_found_on_opening(path: Path, break_it: object, culprit: str, how: str) -> None:
    break_it(path)  # type: ignore[operator]
    with pytest.raises(CheckpointDamaged, match=how) as caught:
        Checkpoint.open(path)
    assert caught.value.file == culprit
    assert path.name in str(caught.value)


def test_a_linked_manifest_is_not_followed(path: Path, tmp_path: Path) -> None:
    (path / "manifest.json").rename(tmp_path / "manifest.json")
    (path / "manifest.json").symlink_to(tmp_path / "manifest.json")
    with pytest.raises(CheckpointDamaged, match="no plain file"):
        Checkpoint.open(path)


def overwrite(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["state.json", "model.safetensors", "callbacks/Mean.safetensors", "native.pt"])
def test_a_changed_byte_is_found_on_access_and_by_verify(path: Path, name: str) -> None:
    checkpoint = Checkpoint.open(path, trust=True)
    overwrite(path / name)
    read = checkpoint.document if name.endswith(".json") else checkpoint.file
    with pytest.raises(CheckpointDamaged, match="does not fit its digest") as caught:
        read(name)
    assert caught.value.file == name
    with pytest.raises(CheckpointDamaged, match=name):
        checkpoint.verify()


def test_a_file_is_read_once_for_its_digest(path: Path) -> None:
    checkpoint = Checkpoint.open(path)
    checkpoint.file("model.safetensors")
    overwrite(path / "model.safetensors")
    assert checkpoint.file("model.safetensors") == path / "model.safetensors"


def test_a_document_that_fits_its_digest_and_is_none_is_damaged(path: Path) -> None:
    checkpoint = Checkpoint.open(path, trust=True)
    with pytest.raises(CheckpointDamaged, match=r"native\.pt"):
        checkpoint.document("native.pt")


def test_a_huge_header_is_refused_before_any_reader_sees_it(store: CheckpointStore, tmp_path: Path) -> None:
    path = store.find(save(store, 1)).path
    huge = (1 << 40).to_bytes(8, "little") + tensors(1)[8:]
    (path / "model.safetensors").write_bytes(huge)
    with pytest.raises(CheckpointDamaged, match="announces a header of 1099511627776 bytes"):
        Checkpoint.open(path)


def test_a_newer_format_is_no_damage(path: Path) -> None:
    change(path, format=2, something_new=True)
    with pytest.raises(CheckpointTooNew, match=r"format 2.*up to 1.*pip install"):
        read_manifest(path)


def test_a_checkpoint_of_the_store_is_checked_on_first_access(store: CheckpointStore) -> None:
    checkpoint = store.find(save(store, 1))
    (checkpoint.path / "foreign.py").touch()
    with pytest.raises(CheckpointDamaged, match=r"foreign\.py"):
        checkpoint.document("state.json")


def test_a_checkpoint_that_was_deleted_by_hand_is_damaged(store: CheckpointStore) -> None:
    checkpoint = store.find(save(store, 1))
    shutil.rmtree(checkpoint.path)
    with pytest.raises(CheckpointDamaged, match="cannot be read"):
        checkpoint.file("model.safetensors")
