"""A checkpoint made by an attacker, its digests all right: nothing of it runs, and nothing outside of it is touched."""

from __future__ import annotations

import json
import os
import pickle
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lineside.checkpoints.catalog import Catalog
from lineside.checkpoints.checkpoint import Checkpoint
from lineside.checkpoints.digests import digest_bytes
from lineside.checkpoints.documents import seal, unseal
from lineside.checkpoints.writer import CheckpointStore
from lineside.errors import CheckpointDamaged, CheckpointError, CheckpointUntrusted
from tests.unit.checkpoints.toys import RUN, save, tensors, tree

pytestmark = pytest.mark.faults


class Boom:
    """Touches the canary when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.canary,)


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    store = CheckpointStore(tmp_path / "checkpoints", RUN)
    return store.root / save(store, 1)


def forge(directory: Path, name: str, data: bytes | None, *, trusted_only: bool = False) -> None:
    """List a file in the manifest, with the right digest, and put it there if there is data."""
    if data is not None:
        (directory / name).write_bytes(data)
    seen = data if data is not None else b""
    manifest = unseal((directory / "manifest.json").read_bytes())
    manifest["files"][name] = {"size": len(seen), "digest": digest_bytes(seen), "trusted_only": trusted_only}
    (directory / "manifest.json").write_bytes(seal(manifest, "manifest.json"))


def read_everything(directory: Path) -> list[CheckpointError]:
    """Read all that an unsuspecting program could ask for; return the refusals."""
    try:
        checkpoint = Checkpoint.open(directory)
    except CheckpointError as error:
        return [error]
    refused = []
    for name in checkpoint.manifest.files:
        for read in (checkpoint.document, checkpoint.file):
            try:
                read(name)
            except CheckpointError as error:
                refused.append(error)
    return refused


@pytest.mark.parametrize("name", ["model.pt", "model.pkl", "model.bin", "model", "model.ckpt", "model.npy", "model.PT"])
@pytest.mark.parametrize("trusted_only", [True, False])
def test_a_pickle_is_not_even_handed_out(directory: Path, canary: Path, name: str, trusted_only: bool) -> None:
    bomb = pickle.dumps(Boom(canary))
    forge(directory, name, bomb, trusted_only=trusted_only)
    assert any(isinstance(error, CheckpointUntrusted) for error in read_everything(directory))
    assert not canary.exists()
    pickle.loads(bomb)
    assert canary.exists(), "the bomb was no bomb"


@pytest.mark.parametrize("name", ["state.json", "model.safetensors"])
def test_a_pickle_under_a_safe_name_is_never_unpickled(directory: Path, canary: Path, name: str) -> None:
    forge(directory, name, pickle.dumps(Boom(canary)))
    assert any(isinstance(error, CheckpointDamaged) for error in read_everything(directory))
    assert not canary.exists()


@pytest.mark.parametrize(
    "name",
    [
        *("../outside.json", "a/../../outside.json", "/etc/hostname", "a\\..\\b", "C:x.json", "\0.json"),
        *("..", ".", "", "./state.json", "rank-0//state.json"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused_before_anything_is_opened(directory: Path, name: str) -> None:
    (directory.parent / "outside.json").write_text("{}")
    forge(directory, name, None)
    (refused,) = read_everything(directory)
    assert isinstance(refused, CheckpointDamaged)
    assert refused.file == "manifest.json"
    assert "cannot name a file" in refused.how


@pytest.mark.parametrize("what", ["file", "directory", "dangling", "manifest", "whole"])
def test_a_link_is_refused_and_not_followed(directory: Path, tmp_path: Path, what: str) -> None:
    secret = tmp_path / "secret"
    os.mkfifo(secret)  # whoever opens it hangs until the test is timed out
    if what == "file":
        (directory / "state.json").unlink()
        (directory / "state.json").symlink_to(secret)
    elif what == "directory":
        (directory / "more").symlink_to(tmp_path)
    elif what == "dangling":
        (directory / "more.json").symlink_to(tmp_path / "nothing")
    elif what == "manifest":
        (directory / "manifest.json").unlink()
        (directory / "manifest.json").symlink_to(secret)
    else:
        inner = directory.rename(tmp_path / "inner")
        directory.symlink_to(inner)
        assert Catalog(directory.parent, RUN).entries == ()
        return
    (refused,) = read_everything(directory)
    assert isinstance(refused, CheckpointDamaged)
    assert "link" in refused.how or "no plain file" in refused.how


def test_a_pipe_in_the_place_of_a_file_does_not_hang_the_reader(directory: Path) -> None:
    (directory / "state.json").unlink()
    os.mkfifo(directory / "state.json")
    (refused,) = read_everything(directory)
    assert "neither a file nor a directory" in str(refused)
    assert stat.S_ISFIFO((directory / "state.json").stat().st_mode)


@pytest.mark.parametrize("length", [1 << 63, 1 << 40, 200_000_000, 1000])
def test_a_huge_header_is_refused_before_it_is_read(directory: Path, length: int) -> None:
    forge(directory, "model.safetensors", length.to_bytes(8, "little") + tensors(0)[8:])
    (refused,) = read_everything(directory)
    assert "announces a header" in str(refused)


def test_a_huge_manifest_is_refused_before_it_is_read(directory: Path) -> None:
    os.truncate(directory / "manifest.json", 1 << 40)  # a hole: it takes no room on the disk, but would in memory
    (refused,) = read_everything(directory)
    assert "larger than" in str(refused)


def imports_nothing(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Checkpoint:
    """Put a document into the checkpoint beside a module that touches the canary when somebody imports it."""
    (tmp_path / "canary_module.py").write_text("from pathlib import Path; Path('canary').touch()")
    monkeypatch.syspath_prepend(tmp_path)
    forge(directory, "state.json", text.encode())
    return Checkpoint.open(directory)


@pytest.mark.parametrize(
    "text",
    [
        '{"__class__": "canary_module:Boom", "__reduce__": ["os.system", ["touch canary"]]}',
        '{"py/object": "canary_module.Boom"}',
    ],
)
def test_a_document_that_names_code_is_data(
    directory: Path, tmp_path: Path, canary: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    checkpoint = imports_nothing(directory, tmp_path, monkeypatch, text)
    assert checkpoint.document("state.json") == json.loads(text)
    assert "canary_module" not in sys.modules
    assert not canary.exists()


@pytest.mark.parametrize(
    "text",
    [
        '{"$import": "canary_module"}',
        "!!python/object/apply:os.system ['touch canary']",
        "[" * 200_000,
        '{"$float": "' + "0" * 1_000_000 + '"}',
        "1" + "0" * 10_000,
    ],
    ids=lambda text: text[:20],
)
def test_a_document_that_is_not_ours_is_damage(
    directory: Path, tmp_path: Path, canary: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    checkpoint = imports_nothing(directory, tmp_path, monkeypatch, text)
    with pytest.raises(CheckpointDamaged, match=r"state\.json"):
        checkpoint.document("state.json")
    assert "canary_module" not in sys.modules
    assert not canary.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest | {"format": "1"},
        lambda manifest: manifest | {"format": -1},
        lambda manifest: manifest | {"name": "../../elsewhere"},
        lambda manifest: manifest | {"files": dict.fromkeys(manifest["files"])},
        lambda manifest: manifest | {"files": {"state.json": {"size": -1, "digest": "x", "trusted_only": False}}},
        lambda manifest: manifest | {"step": 1e300},
        lambda manifest: manifest | {"pins": {"EarlyStopping": ["x"]}},
        lambda manifest: {key: value for key, value in manifest.items() if key != "run_id"},
    ],
)
def test_a_manifest_of_odd_types_is_damage_and_no_crash(directory: Path, change: Callable[[Any], Any]) -> None:
    manifest = unseal((directory / "manifest.json").read_bytes())
    (directory / "manifest.json").write_bytes(seal(change(manifest), "manifest.json"))
    (refused,) = read_everything(directory)
    assert isinstance(refused, CheckpointDamaged)
    assert refused.file == "manifest.json"


def test_a_forged_directory_makes_its_new_owner_delete_and_write_nothing_elsewhere(
    directory: Path, tmp_path: Path
) -> None:
    """Somebody resumes a run that was sent to him: opening, sweeping and pruning it stay inside."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.pt").write_bytes(b"years of work")
    root = directory.parent
    manifest = unseal((directory / "manifest.json").read_bytes())
    manifest["standalone"] = {
        "../precious/thesis.pt": {"size": 13, "digest": "xxh3_128:" + "0" * 32, "trusted_only": False}
    }
    manifest["pins"] = {"../../precious": "../../precious"}
    (directory / "manifest.json").write_bytes(seal(manifest, "manifest.json"))
    (root / ".trash-epoch0001-step00000001-0000").symlink_to(precious)
    (root / ".staging-epoch0001-step00000001-0000").symlink_to(precious)
    note = ".standalone-epoch0001-step00000001-0000.json"
    (root / note).write_bytes(seal({"paths": ["../precious/thesis.pt", "/etc/hostname"]}, note))
    (root / "index.json").unlink()
    before = tree(precious)

    store = CheckpointStore(root, RUN)
    store.sweep()
    save(store, 2)
    store.prune()
    assert tree(precious) == before
    assert [entry.step for entry in store.entries] == [2]
