from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from lineside.errors import NoRecords, StoreDamaged, StoreTooNew, StoreUnavailable
from lineside.store.database import APPLICATION_ID, SCHEMA_VERSION, open_for_reading, open_for_writing, translated


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "run.db"
    open_for_writing(path).close()
    return path


def altered(path: Path, *statements: str) -> Path:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


def test_a_new_database_is_marked_and_durable(tmp_path: Path) -> None:
    connection = open_for_writing(tmp_path / "run.db")
    assert connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    assert connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "truncate"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    connection.close()


def test_a_database_that_somebody_turned_to_wal_is_turned_back(database: Path) -> None:
    altered(database, "PRAGMA journal_mode = WAL")
    connection = open_for_writing(database)
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "truncate"
    connection.close()


def test_a_reader_cannot_write(database: Path) -> None:
    with open_for_reading(database) as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM event")


def test_a_name_with_special_characters_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "50% off?#损失.db"
    open_for_writing(path).close()
    with open_for_reading(path) as connection:
        assert connection.execute("SELECT count(*) FROM metric").fetchone()[0] == 0


@pytest.mark.parametrize("content", [None, b""])
def test_a_run_that_recorded_nothing_is_told_from_a_damaged_one(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "run.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NoRecords, match="holds nothing yet"), open_for_reading(path):
        pass


@pytest.mark.parametrize("opener", [open_for_reading, open_for_writing])
@pytest.mark.parametrize(
    ("statement", "error", "message"),
    [
        ("PRAGMA user_version = 99", StoreTooNew, "format 99.*pip install --upgrade lineside"),
        ("PRAGMA application_id = 1", StoreDamaged, "another program's"),
        ("CREATE VIEW evil AS SELECT 1", StoreDamaged, "tables are not those"),
        (
            "CREATE TRIGGER evil AFTER INSERT ON event BEGIN DELETE FROM event; END",
            StoreDamaged,
            "tables are not those",
        ),
        ("ALTER TABLE event ADD COLUMN more", StoreDamaged, "tables are not those"),
        ("DROP TABLE event", StoreDamaged, "tables are not those"),
    ],
)
def test_what_lineside_did_not_write_is_refused(
    database: Path, opener, statement: str, error: type, message: str
) -> None:
    altered(database, statement)
    with pytest.raises(error, match=message), opener(database):
        pass


@pytest.mark.parametrize("opener", [open_for_reading, open_for_writing])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, opener) -> None:
    path = tmp_path / "run.db"
    path.write_bytes(b"not a database, and long enough to have a header" * 100)
    with pytest.raises(StoreDamaged, match="not a database"), opener(path):
        pass


def test_a_directory_that_does_not_exist_is_an_error_of_the_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="unable to open"):
        open_for_writing(tmp_path / "missing" / "run.db")


def test_a_mistake_in_the_use_of_sqlite_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    connection = sqlite3.connect(":memory:")
    connection.close()
    with pytest.raises(sqlite3.ProgrammingError), translated(tmp_path):
        connection.execute("SELECT 1")
