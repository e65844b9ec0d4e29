"""The database of a run: its schema, and the two ways to open it.

`run.db` has one writer, the holder of the run's lock, and any number of readers. It uses a rollback journal, never WAL:
SQLite 3.7.0 to 3.51.2, which many Pythons bundle, can corrupt a WAL database that several connections check-point
(https://sqlite.org/wal.html#walresetbug), and WAL does not work on network filesystems.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from lineside.errors import NoRecords, StoreDamaged, StoreTooNew, StoreUnavailable
from lineside.store.recovery import copy_with_journal, refuse_super_journal

APPLICATION_ID: Final = 0x4C4E5344
"""``LNSD`` in the header of the file, so that `file` and we can tell it from other databases."""
SCHEMA_VERSION: Final = 1
BUSY_SECONDS: Final = 30.0
"""How long either side waits for the other. A commit takes as long as the disk needs, a read a fraction of a second."""
_LARGEST_CELL: Final = 1 << 26

_SCHEMA: Final = {
    "attempt": "(number INTEGER PRIMARY KEY, started REAL NOT NULL, resumed_step INTEGER, resumed_time REAL)",
    "metric": "(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    # A block holds what rows that were logged together share; a chunk, the values of one metric in a block. The large
    # columns stand last, so that SQLite reads the small ones without following them. Ids are never used again.
    "block": (
        "(id INTEGER PRIMARY KEY AUTOINCREMENT, attempt INTEGER NOT NULL, count INTEGER NOT NULL,"
        " first_step INTEGER NOT NULL, last_step INTEGER NOT NULL, axis BLOB NOT NULL)"
    ),
    "chunk": (
        "(id INTEGER PRIMARY KEY, metric INTEGER NOT NULL, block INTEGER NOT NULL,"
        " summary BLOB, level BLOB, points BLOB NOT NULL, UNIQUE (metric, block))"
    ),
    "event": (
        "(id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, kind TEXT NOT NULL, step INTEGER NOT NULL,"
        " epoch INTEGER NOT NULL, time REAL NOT NULL, data TEXT NOT NULL)"
    ),
    "request": (
        "(id TEXT NOT NULL, attempt INTEGER NOT NULL, time REAL NOT NULL, kind TEXT NOT NULL, author TEXT NOT NULL,"
        " origin TEXT NOT NULL, reason TEXT NOT NULL, arguments TEXT NOT NULL, requested_step INTEGER,"
        " applied INTEGER, outcome_step INTEGER, detail TEXT, PRIMARY KEY (id, attempt))"
    ),
    "text": (
        "(id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, tag TEXT NOT NULL, text TEXT NOT NULL,"
        " step INTEGER NOT NULL, epoch INTEGER NOT NULL, time REAL NOT NULL)"
    ),
}
_TABLES: Final = {name: f"CREATE TABLE {name} {columns}" for name, columns in _SCHEMA.items()}


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open a run's database, create it if need be, and roll back what a killed writer left half done.

    Only the holder of the run's lock may call this. Every commit is on the disk when it returns. The connection may be
    used by one thread after another; transactions are begun by hand.

    Raises:
        StoreDamaged: the file is not a run's database.
        StoreTooNew: a newer Lineside wrote it.
        StoreUnavailable: it cannot be read or written now.
    """
    refuse_super_journal(path)
    with translated(path):
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            _harden(connection)
            connection.execute("PRAGMA journal_mode = TRUNCATE")
            connection.execute("PRAGMA synchronous = FULL")
            if _is_empty(connection):
                _create(connection)
            _check(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def open_for_reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a run's database read-only; neither the file nor its directory changes.

    If a writer was killed within a commit, a copy is brought to the last commit and read instead.

    Raises:
        NoRecords: there is no database yet, or nothing in it.
        StoreDamaged: the file is not a run's database.
        StoreTooNew: a newer Lineside wrote it.
        StoreUnavailable: it cannot be read now.
    """
    if not path.is_file():
        raise NoRecords(path)
    with ExitStack() as cleanup:
        with translated(path):
            connection = _read_only(path, cleanup)
        yield connection


def _read_only(path: Path, cleanup: ExitStack) -> sqlite3.Connection:
    try:
        return _connected(path, "ro", cleanup)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK:
            raise
    scratch = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="lineside-")))
    copy = copy_with_journal(path, scratch)
    return _connected(path, "ro", cleanup) if copy is None else _connected(copy, "rw", cleanup)


def _connected(path: Path, mode: str, cleanup: ExitStack) -> sqlite3.Connection:
    address = f"{path.resolve().as_uri()}?mode={mode}"
    connection = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    cleanup.callback(connection.close)
    _harden(connection)
    if _is_empty(connection):
        raise NoRecords(path)
    _check(connection, path)
    connection.execute("PRAGMA query_only = ON")
    return connection


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into Lineside's, which name the file."""
    try:
        yield
    except sqlite3.Error as error:
        if not hasattr(error, "sqlite_errorcode"):
            raise  # a mistake in the use of the library, not in the file
        if error.sqlite_errorcode & 0xFF in (
            sqlite3.SQLITE_CORRUPT,
            sqlite3.SQLITE_NOTADB,
            sqlite3.SQLITE_TOOBIG,
            sqlite3.SQLITE_ERROR,
        ):
            raise StoreDamaged(path, str(error)) from error
        raise StoreUnavailable(path, str(error)) from error


def _harden(connection: sqlite3.Connection) -> None:
    """Trust nothing in the file: run directories come from others, too."""
    connection.row_factory = sqlite3.Row
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_CELL)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")


def _is_empty(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) = 0 FROM sqlite_master").fetchone()[0])


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in _TABLES.values():
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreDamaged(path, "it is another program's database")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StoreTooNew(path, version, SCHEMA_VERSION)
    # Views and triggers of a crafted file would run their own statements in ours.
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
    if {row["name"]: row["sql"] for row in found} != _TABLES:
        raise StoreDamaged(path, f"its tables are not those of schema {SCHEMA_VERSION}")
