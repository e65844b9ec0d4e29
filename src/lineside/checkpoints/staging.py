"""The commit: a checkpoint is put together beside its target and appears by one rename. Deletion is the reverse.

Write every file and flush it, the manifest last, flush the directories, rename, flush the parent. Whenever the process
or the machine dies in between, the old checkpoints are there, and the new one is there whole or not at all.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from lineside.checkpoints.checkpoint import Checkpoint
from lineside.checkpoints.digests import digest_file
from lineside.checkpoints.documents import seal
from lineside.checkpoints.format import MANIFEST, FileRecord, Manifest, PartWriter, is_trusted_only, step_of
from lineside.checkpoints.inventory import take_inventory
from lineside.files import fsync, rename

_STAGING = ".staging-"
_TRASH = ".trash-"
_TEMPORARY = re.compile(r"\..+\.\d+-[0-9a-f]{8}\.tmp")
"""What `lineside.files.write_atomic` leaves when it is killed."""


class Staging:
    """A checkpoint that is being written, in a hidden directory beside its target.

    Attributes:
        part: what is being written now, for messages.
    """

    def __init__(self, root: Path, name: str) -> None:
        self._target = root / name
        self._path = root / f"{_STAGING}{name}"
        self._committed = False
        self.part = ""

    def create(self) -> None:
        """Make the directory.

        Raises:
            OSError: the disk is full, or failing, or the root is gone.
        """
        self._path.mkdir()

    def write(self, name: str, writer: PartWriter, *, declared_trusted_only: bool = False) -> FileRecord:
        """Let `writer` write one file; flush it and take its record.

        Raises:
            OSError: the disk is full, or failing.
        """
        self.part = name
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        writer(path)
        return flushed(path, trusted_only=is_trusted_only(name, declared=declared_trusted_only))

    def write_bytes(self, name: str, data: bytes) -> FileRecord:
        """Write one file that is small enough to be in memory already; otherwise like `write`."""
        return self.write(name, lambda path: _put(path, data))

    def commit(self, manifest: Manifest) -> None:
        """Write the manifest, check the whole as a reader would, and rename it into place.

        Raises:
            CheckpointDamaged: a writer left something that the manifest does not list, or a file of the wrong format.
            OSError: the disk is full, or failing.
        """
        self.write_bytes(MANIFEST, seal(manifest.to_json(), MANIFEST))
        Checkpoint.open(self._path)
        # Deepest first, so that no directory is durable before what it lists.
        for directory in reversed(take_inventory(self._path).directories):
            fsync(self._path / directory)
        fsync(self._path)
        self._committed = True
        rename(self._path, self._target)

    def discard(self) -> None:
        """Remove whatever there is; what cannot be removed is swept later."""
        if self._committed:
            # The rename may have happened, without its flush: then nobody can rely on it.
            with suppress(OSError):
                throw_away(self._target.parent, [self._target.name])
        _remove(self._path)


def flushed(path: Path, *, trusted_only: bool) -> FileRecord:
    """Force a file that was just written to the disk, and return its size and digest.

    Raises:
        OSError: it is not there, is no plain file, or cannot be flushed.
    """
    if path.is_symlink() or not path.is_file():
        raise FileNotFoundError(f"the writer wrote no plain file at {path}")
    fsync(path)
    return FileRecord(path.stat().st_size, digest_file(path), trusted_only)


def make_directory(path: Path) -> None:
    """Create a directory and its parents so that they outlive a power loss.

    Raises:
        OSError: it cannot be created, or is a file.
    """
    if not path.is_dir():
        make_directory(path.parent)
        path.mkdir(exist_ok=True)
        fsync(path.parent)


def throw_away(root: Path, names: Iterable[str]) -> None:
    """Delete checkpoints: rename all to trash, make that durable, then remove.

    Without the flush in between, a power loss could bring a directory back under its name with half of its files.

    Raises:
        OSError: one could not be renamed.
    """
    trash = []
    for name in names:
        hidden = root / f"{_TRASH}{name}"
        try:
            (root / name).rename(hidden)
        except FileNotFoundError:
            continue  # somebody deleted it by hand
        trash.append(hidden)
    if trash:
        fsync(root)
    for hidden in trash:
        _remove(hidden)


def leftovers(root: Path) -> list[Path]:
    """Return what dead attempts left: staging and trash directories, and temporary files of atomic writes."""
    return [path for path in sorted(root.iterdir()) if _is_leftover(path.name)]


def sweep(root: Path) -> None:
    """Remove what dead attempts left; what cannot be removed stays for the next time."""
    for path in leftovers(root):
        _remove(path)


def taken(root: Path, name: str) -> bool:
    """Tell whether a name is in use, or was, as far as the disk remembers."""
    return any((root / f"{prefix}{name}").exists() for prefix in ("", _STAGING, _TRASH))


def _is_leftover(name: str) -> bool:
    checkpoint = name.removeprefix(_STAGING).removeprefix(_TRASH)
    return (checkpoint != name and step_of(checkpoint) is not None) or _TEMPORARY.fullmatch(name) is not None


def _put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)  # which refuses to follow a link
    else:
        with suppress(OSError):
            path.unlink()
