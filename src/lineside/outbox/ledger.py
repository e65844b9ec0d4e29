"""`Ledger`: what waits in an outbox and what became of it, for the one process that sends."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from lineside.database.opening import open_for_writing, translated
from lineside.errors import StoreDamaged
from lineside.outbox.limits import Limits
from lineside.outbox.outbox import add
from lineside.outbox.places import DATABASE
from lineside.outbox.tables import SCHEMA

End = Literal["sent", "failed"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that waits.

    Attributes:
        recorded: seconds since 1970.
        due: seconds since 1970 before which it is not tried again.
        asked: whether the receiver asked to be left alone until then.
        payload: None where the row is damaged.
    """

    id: int
    key: str
    kind: str
    destination: str
    seal: str | None
    title: str
    recorded: float
    tries: int
    due: float
    asked: bool
    payload: Any


class Ledger:
    """Reads and writes `outbox.db` for the holder of the sender's lease. Use it as a context manager.

    Args:
        directory: of the run.
        limits: how many deliveries that are over stay listed.
        clock: seconds since 1970.

    Raises:
        StoreError: the file cannot be opened.
    """

    def __init__(self, directory: Path, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        self.path = directory / DATABASE
        self._limits = limits
        self._clock = clock
        self._seen = -1
        self._connection = open_for_writing(self.path, SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def changed(self) -> bool:
        """Tell whether somebody else has written since this was last asked; cheap."""
        with translated(self.path):
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        before, self._seen = self._seen, int(version)
        return before != self._seen

    def heads(self) -> list[Waiting]:
        """Return the oldest waiting delivery of each destination."""
        with translated(self.path):
            rows = self._connection.execute(
                "SELECT * FROM delivery WHERE id IN"
                " (SELECT min(id) FROM delivery WHERE state = 'waiting' GROUP BY destination) ORDER BY id"
            ).fetchall()
        try:
            return [_waiting(row) for row in rows]
        except (TypeError, ValueError) as error:
            raise StoreDamaged(self.path, f"a row of it is none of ours: {error}") from error

    def sent_since(self, destination: str, since: float) -> list[float]:
        """Return when a destination got something, oldest first, not before `since`; times to come are left out."""
        with translated(self.path):
            rows = self._connection.execute(
                "SELECT ended FROM delivery WHERE state = 'sent' AND ended BETWEEN ? AND ? AND destination = ?"
                " ORDER BY ended",
                (since, self._clock(), destination),
            ).fetchall()
        return [row["ended"] for row in rows]

    def end(self, number: int, state: End, tries: int, detail: str | None = None) -> None:
        """Write that a delivery is over, and forget the oldest of those that are."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE delivery SET state = ?, tries = ?, ended = ?, detail = ?, payload = '', bytes = 0"
                " WHERE id = ? AND state = 'waiting'",
                (state, tries, self._clock(), detail, number),
            )
            if connection.execute("SELECT changes()").fetchone()[0]:
                add(connection, state)
            connection.execute(
                "DELETE FROM delivery WHERE id IN (SELECT id FROM delivery WHERE state = ?"
                " ORDER BY ended DESC, id DESC LIMIT -1 OFFSET ?)",
                (state, self._limits.kept),
            )

    def again(self, number: int, tries: int, wait: float, detail: str, *, asked: bool = False) -> None:
        """Write that a delivery waits for another try, in `wait` seconds."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE delivery SET tries = ?, due = ?, asked = ?, detail = ? WHERE id = ? AND state = 'waiting'",
                (tries, self._clock() + wait, asked, detail, number),
            )

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with translated(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def _waiting(row: sqlite3.Row) -> Waiting:
    try:
        payload = json.loads(row["payload"])
    except (ValueError, TypeError, RecursionError):
        payload = None
    return Waiting(
        *(int(row["id"]), str(row["key"]), str(row["kind"]), str(row["destination"]), row["seal"], str(row["title"])),
        *(float(row["recorded"]), int(row["tries"]), float(row["due"]), bool(row["asked"])),
        payload if isinstance(payload, dict) else None,
    )
