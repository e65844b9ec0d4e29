"""`Outbox`: where deliveries are recorded, so that they outlive whatever happens next."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lineside.database.opening import open_for_writing, translated
from lineside.errors import OptionError
from lineside.outbox.limits import Limits
from lineside.outbox.places import DATABASE
from lineside.outbox.seal import Seal
from lineside.outbox.tables import SCHEMA

BUSY_SECONDS: Final = 5.0
"""How long a record waits for the sender's commit, or for another process that records."""
_LONGEST_TITLE: Final = 200


def new_key() -> str:
    """Return an idempotency key that nobody else has."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Draft:
    """A delivery that is to be recorded.

    Attributes:
        kind: what it is, such as ``alert``.
        destination: a reference.
        payload: plain JSON.
        title: what people call it.
        key: the idempotency key; one that the outbox knows already is not recorded again.
    """

    kind: str
    destination: str
    payload: Mapping[str, Any]
    title: str
    key: str = field(default_factory=new_key)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of drafts: how many are recorded now, were known already, or found no room."""

    recorded: int = 0
    known: int = 0
    refused: int = 0


class Outbox:
    """The outbox in a run's directory, for everybody who records: the run, its supervisor, `lineside deliver`.

    Nothing is opened before the first record, and nothing stays open behind it, so that threads, forked children and
    other processes may record at any time.

    Args:
        directory: of the run.
        limits: what it holds.
        clock: seconds since 1970.
        seal: of the user; read at the first record unless given.
    """

    def __init__(
        self,
        directory: Path,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
        seal: Seal | None = None,
    ) -> None:
        self.path = directory / DATABASE
        self._limits = limits or Limits()
        self._clock = clock
        self._seal = seal

    def record(self, drafts: Sequence[Draft]) -> Receipt:
        """Put deliveries on the disk, all of them or none; when this returns, no kill and no power cut takes them away.

        Raises:
            OptionError: a payload is no JSON, or too large.
            StoreUnavailable: the disk is full or fails, cannot be written to, or somebody holds the file for too long.
            StoreDamaged, StoreTooNew: the file is not what this Lineside wrote.
        """
        payloads = [self._encoded(draft) for draft in drafts]
        self._seal = self._seal or Seal.of_user(make=True)
        with closing(open_for_writing(self.path, SCHEMA, BUSY_SECONDS)) as connection, translated(self.path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                receipt = self._insert(connection, drafts, payloads)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        return receipt

    def _encoded(self, draft: Draft) -> str:
        try:
            payload = json.dumps(draft.payload)
        except (TypeError, ValueError) as error:
            raise OptionError(f"The payload of {draft.title!r} must be plain JSON: {error}.") from error
        if len(payload) > self._limits.largest:
            raise OptionError(
                f"The payload of {draft.title!r} has {len(payload):,} bytes, and a delivery holds at most "
                f"{self._limits.largest:,}: send a file's path instead of its content."
            )
        return payload

    def _insert(self, connection: sqlite3.Connection, drafts: Sequence[Draft], payloads: Sequence[str]) -> Receipt:
        items, total = connection.execute(
            "SELECT count(*), coalesce(sum(bytes), 0) FROM delivery WHERE state = 'waiting'"
        ).fetchone()
        recorded = known = refused = 0
        now, seal = self._clock(), self._seal or Seal(None)
        for draft, payload in zip(drafts, payloads, strict=True):
            if connection.execute("SELECT 1 FROM delivery WHERE key = ?", (draft.key,)).fetchone():
                known += 1
                continue
            if items >= self._limits.items or total + len(payload) > self._limits.bytes:
                refused += 1
                continue
            items, total, recorded = items + 1, total + len(payload), recorded + 1
            connection.execute(
                "INSERT INTO delivery (key, kind, destination, seal, state, title, bytes, recorded, tries, due, asked,"
                " payload) VALUES (?, ?, ?, ?, 'waiting', ?, ?, ?, 0, ?, 0, ?)",
                (
                    *(draft.key, draft.kind, draft.destination, seal.of(draft.destination)),
                    *(_line(draft.title), len(payload), now, now, payload),
                ),
            )
        if refused:
            add(connection, "refused", refused)
        return Receipt(recorded, known, refused)


def add(connection: sqlite3.Connection, name: str, count: int = 1) -> None:
    """Add to a tally, within a transaction."""
    connection.execute(
        "INSERT INTO tally (name, count) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET count = count + excluded.count",
        (name, count),
    )


def _line(title: str) -> str:
    line = " ".join(title.split())
    return line.encode("utf-8", "backslashreplace").decode()[:_LONGEST_TITLE]
