"""The tables of `outbox.db`."""

from __future__ import annotations

from typing import Final

from lineside.database.opening import Schema

_STATEMENTS: Final = {
    # What is over keeps its row for a while, without its payload. `asked`: the receiver chose `due`.
    "delivery": (
        "CREATE TABLE delivery (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,"
        " destination TEXT NOT NULL, seal TEXT, state TEXT NOT NULL, title TEXT NOT NULL, bytes INTEGER NOT NULL,"
        " recorded REAL NOT NULL, tries INTEGER NOT NULL, due REAL NOT NULL, asked INTEGER NOT NULL, ended REAL,"
        " detail TEXT, payload TEXT NOT NULL)"
    ),
    "tally": "CREATE TABLE tally (name TEXT PRIMARY KEY, count INTEGER NOT NULL)",
    "waiting": "CREATE INDEX waiting ON delivery (destination, id, bytes) WHERE state = 'waiting'",
    "over": "CREATE INDEX over ON delivery (state, ended) WHERE state <> 'waiting'",
}
SCHEMA: Final = Schema(0x4C4E534F, 1, _STATEMENTS)
"""``LNSO`` in the header of the file."""
