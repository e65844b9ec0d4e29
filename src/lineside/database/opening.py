"""How a run's databases are opened: for writing, with every commit on the disk, and for reading, with nothing changed.

They use a rollback journal, never WAL: SQLite 3.7.0 to 3.51.2, which many Pythons bundle, can corrupt a WAL database
that several connections check-point (https://sqlite.org/wal.html#walresetbug), and WAL does not work on network
filesystems.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lineside.database.recovery import copy_with_journal, refuse_super_journal
from lineside.errors import NoRecords, StoreDamaged, StoreTooNew, StoreUnavailable

BUSY_SECONDS: Final = 30.0
"""How long either side waits for the other. A commit takes as long as the disk needs, a read a fraction of a second."""
_LARGEST_CELL: Final = 1 << 26


@dataclass(frozen=True, slots=True)
class Schema:
    """What a database is made of.

    Attributes:
        application_id: in the header of the file, so that `file` and we can tell it from other databases.
        version: of the tables.
        statements: that make tables and indexes, by their names.
    """

    application_id: int
    version: int
    statements: Mapping[str, str]


def open_for_writing(path: Path, schema: Schema, busy_seconds: float | None = None) -> sqlite3.Connection:
    """Open a database, create it if need be, and roll back what a killed writer left half done.

    Every commit is on the disk when it returns. The connection may be
    used by one thread after another; transactions are begun by hand.

    Args:
        path: the file.
        schema: its tables.
        busy_seconds: how long to wait for another writer; `BUSY_SECONDS` unless given.

    Raises:
        StoreDamaged: the file is not such a database.
        StoreTooNew: a newer Lineside wrote it.
        StoreUnavailable: it cannot be read or written now.
    """
    refuse_super_journal(path)
    with translated(path):
        connection = sqlite3.connect(
            path,
            timeout=BUSY_SECONDS if busy_seconds is None else busy_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            _harden(connection)
            connection.execute("PRAGMA journal_mode = TRUNCATE")
            connection.execute("PRAGMA synchronous = FULL")
            if _is_empty(connection):
                _create(connection, schema)
            _check(connection, path, schema)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def open_for_reading(path: Path, schema: Schema) -> Iterator[sqlite3.Connection]:
    """Open a database read-only; neither the file nor its directory changes.

    If a writer was killed within a commit, a copy is brought to the last commit and read instead.

    Raises:
        NoRecords: there is no database yet, or nothing in it.
        StoreDamaged: the file is not such a database.
        StoreTooNew: a newer Lineside wrote it.
        StoreUnavailable: it cannot be read now.
    """
    if not path.is_file():
        raise NoRecords(path)
    with ExitStack() as cleanup:
        with translated(path):
            connection = _read_only(path, schema, cleanup)
        yield connection


def _read_only(path: Path, schema: Schema, cleanup: ExitStack) -> sqlite3.Connection:
    try:
        return _connected(path, "ro", schema, cleanup)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK:
            raise
    scratch = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="lineside-")))
    copy = copy_with_journal(path, scratch)
    return _connected(path, "ro", schema, cleanup) if copy is None else _connected(copy, "rw", schema, cleanup)


def _connected(path: Path, mode: str, schema: Schema, cleanup: ExitStack) -> sqlite3.Connection:
    address = f"{path.resolve().as_uri()}?mode={mode}"
    connection = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    cleanup.callback(connection.close)
    _harden(connection)
    if _is_empty(connection):
        raise NoRecords(path)
    _check(connection, path, schema)
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


def _create(connection: sqlite3.Connection, schema: Schema) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _is_empty(connection):  # still, now that nobody else can write
            for statement in schema.statements.values():
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {schema.application_id}")
            connection.execute(f"PRAGMA user_version = {schema.version}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _check(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != schema.application_id:
        raise StoreDamaged(path, "it is another program's database")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > schema.version:
        raise StoreTooNew(path, version, schema.version)
    # Views and triggers of a crafted file would run their own statements in ours.
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
    if {row["name"]: row["sql"] for row in found} != schema.statements:
        raise StoreDamaged(path, f"its tables are not those of schema {schema.version}")
