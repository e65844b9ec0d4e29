from __future__ import annotations

from pathlib import Path

import pytest

from lineside.database.recovery import copy_with_journal, journal_of, refuse_super_journal
from lineside.errors import StoreDamaged
from lineside.store.database import open_for_writing

SUPER_JOURNAL = bytes.fromhex("d9d505f920a163d7")


def test_a_database_is_copied_with_its_journal(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    path.write_bytes(b"pages")
    journal_of(path).write_bytes(b"old pages")
    target = tmp_path / "copy"
    target.mkdir()
    copy = copy_with_journal(path, target)
    assert copy == target / "run.db"
    assert (copy.read_bytes(), journal_of(copy).read_bytes()) == (b"pages", b"old pages")


def test_a_journal_that_vanished_leaves_nothing_to_recover(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    path.write_bytes(b"pages")
    target = tmp_path / "copy"
    target.mkdir()
    assert copy_with_journal(path, target) is None


def test_a_journal_that_would_make_sqlite_delete_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    open_for_writing(path).close()
    refuse_super_journal(path)
    journal_of(path).write_bytes(b"/home/somebody/thesis" + SUPER_JOURNAL)
    with pytest.raises(StoreDamaged, match="names another file"):
        open_for_writing(path)
    target = tmp_path / "copy"
    target.mkdir()
    with pytest.raises(StoreDamaged, match="names another file"):
        copy_with_journal(path, target)
