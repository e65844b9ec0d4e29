"""The database of a run: its tables, and the two ways to open it.

`run.db` has one writer, the holder of the run's lock, and any number of readers.
"""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from lineside.database import opening
from lineside.database.opening import translated

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "open_for_reading", "open_for_writing", "translated"]

APPLICATION_ID: Final = 0x4C4E5344
"""``LNSD``."""
SCHEMA_VERSION: Final = 1

_COLUMNS: Final = {
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
_SCHEMA: Final = opening.Schema(
    APPLICATION_ID, SCHEMA_VERSION, {name: f"CREATE TABLE {name} {columns}" for name, columns in _COLUMNS.items()}
)


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open a run's database; only the holder of the run's lock may. See `lineside.database.opening`."""
    return opening.open_for_writing(path, _SCHEMA)


def open_for_reading(path: Path) -> AbstractContextManager[sqlite3.Connection]:
    """Open a run's database read-only; see `lineside.database.opening`."""
    return opening.open_for_reading(path, _SCHEMA)
