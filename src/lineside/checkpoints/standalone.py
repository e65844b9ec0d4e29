"""Stand-alone files beside the checkpoints, where a `filepath` template asks for them: written whole, owned, pruned.

A file belongs to this run if one of its manifests lists its path with the digest that it has now. Only such a file is
ever replaced or deleted. It is written beside its target before the commit and put in place after it, so that the
manifest knows it first; a note in the checkpoint directory lets the next attempt finish, or undo, what a kill cut off.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lineside.checkpoints.digests import digest_file
from lineside.checkpoints.documents import seal, unseal
from lineside.checkpoints.format import FileRecord, Manifest, PartWriter, step_of
from lineside.checkpoints.staging import flushed, make_directory
from lineside.errors import CheckpointContentsError, StandaloneNotOwned
from lineside.files import fsync, write_atomic

_NOTE = ".standalone-"


class StandaloneFiles:
    """The stand-alone files of one checkpoint on their way to their targets.

    Args:
        root: the run's checkpoint directory.
        name: of the checkpoint.
        writers: by target path.
        entries: manifests of this run, which say what it owns.

    Raises:
        StandaloneNotOwned: a target exists that this run did not write.
        CheckpointContentsError: a target lies inside of a checkpoint.
    """

    def __init__(self, root: Path, name: str, writers: Mapping[Path, PartWriter], entries: Iterable[Manifest]) -> None:
        self._root = root
        self._note = root / f"{_NOTE}{name}.json"
        self._name = name
        self._writers = {_key(root, target): writer for target, writer in writers.items()}
        owners = list(entries)
        for key in self._writers:
            target = _target(root, key)
            if any(step_of(parent.name) is not None and parent.parent == root for parent in target.parents):
                raise CheckpointContentsError(f"{target} lies inside of a checkpoint. Let `filepath` lead elsewhere.")
            if os.path.lexists(target) and not any(_owns(root, owner, key) for owner in owners):
                raise StandaloneNotOwned(target)

    def stage(self) -> dict[str, FileRecord]:
        """Write all files beside their targets, flushed, and return their records by path relative to the root.

        Raises:
            OSError: the disk is full, or failing.
        """
        if self._writers:
            write_atomic(self._note, seal({"paths": list(self._writers)}, self._note.name))
        records = {}
        for key, writer in self._writers.items():
            target = _target(self._root, key)
            make_directory(target.parent)
            staged = _staged(target, self._name)
            writer(staged)
            records[key] = flushed(staged, trusted_only=False)
        return records

    def publish(self) -> None:
        """Put all files in place; called after the commit.

        Raises:
            OSError: a target cannot be replaced; the checkpoint itself is committed.
        """
        for key in self._writers:
            _put_in_place(_target(self._root, key), self._name)
        self._note.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove what was staged; what cannot be removed is swept later."""
        try:
            for key in self._writers:
                _staged(_target(self._root, key), self._name).unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)
        except OSError:
            return  # the error that led here is the one to report


def withdraw(root: Path, victim: Manifest, survivors: Sequence[Manifest]) -> None:
    """Delete the stand-alone files of a checkpoint that is about to go, unless changed since or listed by a survivor.

    Raises:
        OSError: one could not be read or deleted.
    """
    for key, record in victim.standalone.items():
        listed = any(survivor.standalone.get(key) == record for survivor in survivors)
        if not listed and _owns(root, victim, key):
            _target(root, key).unlink(missing_ok=True)


def sweep(root: Path, entries: Sequence[Manifest]) -> None:
    """Finish what was committed and undo what was not, from the notes that a dead attempt left.

    Args:
        root: the run's checkpoint directory.
        entries: manifests of this run, oldest first.

    Raises:
        OSError: a file could not be moved or removed.
    """
    for note in sorted(root.glob(f"{_NOTE}*.json")):
        name = note.name.removeprefix(_NOTE).removesuffix(".json")
        if step_of(name) is not None and not note.is_symlink():
            for key in _noted(note):
                _settle(root, name, key, entries)
            note.unlink(missing_ok=True)


def _settle(root: Path, name: str, key: str, entries: Sequence[Manifest]) -> None:
    target = _target(root, key)
    staged = _staged(target, name)
    # An older checkpoint must not put its file over that of a newer one.
    newest = next((entry for entry in reversed(entries) if key in entry.standalone), None)
    if not staged.is_file() or staged.is_symlink():
        return
    wanted = newest is not None and newest.name == name and newest.standalone[key].digest == digest_file(staged)
    if wanted and (not os.path.lexists(target) or any(_owns(root, entry, key) for entry in entries)):
        _put_in_place(target, name)
    else:
        staged.unlink()


def _noted(note: Path) -> list[str]:
    try:
        paths = unseal(note.read_bytes()).get("paths")
    except ValueError:
        return []
    return [path for path in paths if isinstance(path, str)] if isinstance(paths, list) else []


def _owns(root: Path, manifest: Manifest, key: str) -> bool:
    record = manifest.standalone.get(key)
    target = _target(root, key)
    if record is None or target.is_symlink() or not target.is_file():
        return False
    return target.stat().st_size == record.size and digest_file(target) == record.digest


def _put_in_place(target: Path, name: str) -> None:
    _staged(target, name).replace(target)
    fsync(target.parent)


def _staged(target: Path, name: str) -> Path:
    # The suffix stays at the end: some writers choose their format by it.
    return target.with_name(f".{name}.part.{target.name}")


def _key(root: Path, target: Path) -> str:
    """Return a path relative to the root, so that a project that is moved as a whole keeps what it owns."""
    real = Path(os.path.realpath(target.parent)) / target.name
    try:
        return Path(os.path.relpath(real, os.path.realpath(root))).as_posix()
    except ValueError:  # another drive of Windows
        return real.as_posix()


def _target(root: Path, key: str) -> Path:
    return Path(os.path.normpath(Path(os.path.realpath(root)) / key))
