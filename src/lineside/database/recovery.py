"""What a writer that was killed in a commit leaves: a hot journal, which no reader may apply in place."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lineside.errors import StoreDamaged

_SUPER_JOURNAL = bytes.fromhex("d9d505f920a163d7")
_ATTEMPTS = 3


def journal_of(path: Path) -> Path:
    """Return where SQLite keeps the rollback journal of a database."""
    return path.with_name(path.name + "-journal")


def refuse_super_journal(path: Path) -> None:
    """Refuse a journal that names a super-journal: after a rollback SQLite deletes the file that is named there.

    Lineside never writes one. The format: https://sqlite.org/fileformat2.html#the_rollback_journal

    Raises:
        StoreDamaged: the journal names another file.
    """
    try:
        with journal_of(path).open("rb") as journal:
            end = journal.seek(0, os.SEEK_END)
            journal.seek(max(0, end - len(_SUPER_JOURNAL)))
            tail = journal.read()
    except FileNotFoundError:
        return
    if tail == _SUPER_JOURNAL:
        raise StoreDamaged(journal_of(path), "it names another file, and no journal of a run does")


def copy_with_journal(path: Path, directory: Path) -> Path | None:
    """Copy a database and its hot journal, so that the copy can be rolled back; None where both are being changed."""
    for _ in range(_ATTEMPTS):
        before = _state(path)
        try:
            copy = Path(shutil.copyfile(path, directory / path.name))
            shutil.copyfile(journal_of(path), journal_of(copy))
        except FileNotFoundError:
            return None
        if _state(path) == before:
            refuse_super_journal(copy)
            return copy
    return None


def _state(path: Path) -> list[tuple[int, int]]:
    found = [file.stat() for file in (path, journal_of(path)) if file.exists()]
    return [(status.st_size, status.st_mtime_ns) for status in found]
