"""A damaged checkpoint is named, with the damaged file, before anything is loaded, and the newest sound one is used."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest
import safetensors

from lineside.checkpoints.catalog import Catalog
from lineside.checkpoints.checkpoint import Checkpoint
from lineside.checkpoints.format import Contents
from lineside.checkpoints.retention import KeepLast
from lineside.checkpoints.writer import CheckpointStore
from lineside.errors import CheckpointDamaged, CheckpointError
from tests.unit.checkpoints.toys import RUN, contents, save, tensors, writes

pytestmark = pytest.mark.faults
FULL = os.environ.get("LINESIDE_FAULTS") == "full"
FLIPS, CUTS = (3000, 1000) if FULL else (300, 100)


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    store = CheckpointStore(tmp_path / "checkpoints", RUN, retention=[KeepLast(3)])
    save(store, 10)
    whole = contents(20, history=[0.5] * 20, name="é")
    files = {**whole.files, "rank-0/native.pt": writes(b"\x80" * 40), "empty.safetensors": writes(tensors(0, 0))}
    store.save(Contents(files, whole.documents), step=20, epoch=2, tags=["best"])
    return store


def newest(store: CheckpointStore) -> Path:
    return store.root / store.entries[-1].name


@pytest.fixture
def files(store: CheckpointStore) -> list[Path]:
    """Every file of the newest checkpoint, the manifest included."""
    return sorted(path for path in newest(store).rglob("*") if path.is_file())


def assert_found(store: CheckpointStore, damaged: Path, *, resume: bool = True) -> None:
    """Open it as a reader and as a resuming run: both name the file; the run goes on with the one before."""
    name = str(damaged.relative_to(newest(store)))
    with pytest.raises(CheckpointDamaged) as caught:
        Checkpoint.open(newest(store)).verify()
    assert caught.value.file == name
    if not resume:
        return
    told: list[CheckpointDamaged] = []
    sound = Catalog(store.root, RUN).newest_sound(on_damage=told.append)
    assert [error.file for error in told] == [name]
    assert sound is not None
    assert sound.step == 10


def test_single_flipped_bits(store: CheckpointStore, files: list[Path]) -> None:
    chance = random.Random(1)
    bits = [(path, bit) for path in files for bit in range(path.stat().st_size * 8)]
    for count, (path, bit) in enumerate(chance.sample(bits, FLIPS)):
        whole = path.read_bytes()
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        assert_found(store, path, resume=count % 10 == 0)
        path.write_bytes(whole)
    Checkpoint.open(newest(store)).verify()


def test_the_control_safetensors_alone_sees_no_flipped_value(files: list[Path]) -> None:
    raw = bytearray(next(path for path in files if path.name == "model.safetensors").read_bytes())
    silent = 0
    for bit in range((len(raw) - 16) * 8, len(raw) * 8):
        raw[bit // 8] ^= 1 << bit % 8
        safetensors.deserialize(bytes(raw))
        raw[bit // 8] ^= 1 << bit % 8
        silent += 1
    assert silent == 16 * 8


def test_truncations(store: CheckpointStore, files: list[Path]) -> None:
    chance = random.Random(2)
    cuts = [(path, length) for path in files for length in range(path.stat().st_size)]
    for count, (path, length) in enumerate(chance.sample(cuts, CUTS)):
        whole = path.read_bytes()
        os.truncate(path, length)
        assert_found(store, path, resume=count % 10 == 0)
        path.write_bytes(whole)


def test_more_at_the_end(store: CheckpointStore, files: list[Path]) -> None:
    for path in files:
        whole = path.read_bytes()
        path.write_bytes(whole + b"\0")
        assert_found(store, path)
        path.write_bytes(whole)


def test_missing_files(store: CheckpointStore, files: list[Path]) -> None:
    for path in files:
        whole = path.read_bytes()
        path.unlink()
        assert_found(store, path)
        path.write_bytes(whole)
    shutil.rmtree(newest(store) / "rank-0")
    with pytest.raises(CheckpointDamaged, match="rank-0/"):
        Checkpoint.open(newest(store))


def test_foreign_files(store: CheckpointStore, files: list[Path]) -> None:
    for name in ("extra.json", "callbacks/extra.py", ".hidden", "rank-1/state.json", "manifest.json~"):
        foreign = newest(store) / name
        foreign.parent.mkdir(exist_ok=True)
        foreign.touch()
        assert_found(store, foreign)
        foreign.unlink()
        if not any(foreign.parent.iterdir()):
            foreign.parent.rmdir()


def test_two_files_that_changed_places(store: CheckpointStore, files: list[Path]) -> None:
    directory = newest(store)
    one, two = directory / "model.safetensors", directory / "callbacks" / "Mean.safetensors"
    one.rename(directory / "swap")
    two.rename(one)
    (directory / "swap").rename(two)
    with pytest.raises(CheckpointError, match="does not fit its digest"):
        Checkpoint.open(directory).verify()


def test_a_manifest_of_another_checkpoint(store: CheckpointStore, files: list[Path]) -> None:
    older = store.root / store.entries[0].name / "manifest.json"
    shutil.copyfile(older, newest(store) / "manifest.json")
    told: list[CheckpointDamaged] = []
    sound = Catalog(store.root, RUN).newest_sound(on_damage=told.append)
    assert sound is not None
    assert sound.step == 10
    assert "belongs to" in told[0].how
