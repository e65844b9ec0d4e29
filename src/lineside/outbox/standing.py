"""How an outbox stands, for people: what waits, what was given up, and why."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from lineside.database.opening import open_for_reading, translated
from lineside.errors import NoRecords, StoreDamaged
from lineside.outbox.places import DATABASE
from lineside.outbox.tables import SCHEMA

_LISTED: Final = 20
"""Deliveries that were given up and are listed; all are counted."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for one destination.

    Attributes:
        destination: the reference.
        waiting: how many deliveries.
        since: when the oldest was recorded, in seconds since 1970.
        tries: how often that one was tried.
        due: when it will be tried again.
        title: of that one.
        detail: what happened when it was last tried; None if it was not.
    """

    destination: str
    waiting: int
    since: float
    tries: int
    due: float
    title: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A delivery that was given up.

    Attributes:
        recorded: seconds since 1970.
        ended: when it was given up.
        detail: why.
    """

    destination: str
    title: str
    recorded: float
    ended: float
    tries: int
    detail: str


@dataclass(frozen=True, slots=True)
class OutboxStanding:
    """How an outbox stands.

    Attributes:
        sent: deliveries that were acknowledged, in all.
        failed: deliveries that were given up, in all.
        refused: deliveries that found no room, in all.
        queues: what waits, by destination.
        failures: the newest of those that were given up, the newest first.
    """

    sent: int = 0
    failed: int = 0
    refused: int = 0
    queues: Sequence[Queue] = ()
    failures: Sequence[Failure] = ()

    @property
    def waiting(self) -> int:
        """How many deliveries wait."""
        return sum(queue.waiting for queue in self.queues)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever recorded."""
        return not (self.sent or self.failed or self.refused or self.queues)

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Read the outbox in a run's directory; neither the file nor the directory changes. Empty without a file.

        Raises:
            StoreDamaged, StoreTooNew, StoreUnavailable: see `lineside.database.opening`.
        """
        path = directory / DATABASE
        with suppress(NoRecords), open_for_reading(path, SCHEMA) as connection, translated(path):
            with closing(connection.execute("BEGIN")):
                pass  # all that follows sees one commit
            tally = dict(connection.execute("SELECT name, count FROM tally").fetchall())
            queues = connection.execute(
                "SELECT delivery.*, waiting FROM delivery JOIN (SELECT min(id) AS head, count(*) AS waiting"
                " FROM delivery WHERE state = 'waiting' GROUP BY destination) ON id = head ORDER BY id"
            ).fetchall()
            failures = connection.execute(
                "SELECT * FROM delivery WHERE state = 'failed' ORDER BY ended DESC, id DESC LIMIT ?", (_LISTED,)
            ).fetchall()
            try:
                sent, failed, refused = (int(tally.get(name, 0)) for name in ("sent", "failed", "refused"))
                return cls(sent, failed, refused, [*map(_queue, queues)], [*map(_failure, failures)])
            except (TypeError, ValueError) as error:
                raise StoreDamaged(path, f"a row of it is none of ours: {error}") from error
        return cls()

    def remarks(self, run: str) -> Iterator[str]:
        """Yield a sentence for everything that has not arrived; none where all has."""
        for queue in self.queues:
            why = f" ({queue.detail})" if queue.detail else ""
            count = "1 delivery waits" if queue.waiting == 1 else f"{queue.waiting:,} deliveries wait"
            yield f"{count} for {queue.destination}{why}: `lineside deliver {run}` sends what waits."
        if self.failed:
            newest = f"; the last: {self.failures[0].title!r}, {self.failures[0].detail}" if self.failures else ""
            yield f"{self.failed:,} given up, which `lineside show {run}` lists{newest}."
        if self.refused:
            yield f"{self.refused:,} found no room in the outbox, and were not delivered."

    def counts(self) -> dict[str, int]:
        """Return how many wait, arrived, were given up, and found no room."""
        return {name: getattr(self, name) for name in ("waiting", "sent", "failed", "refused")}

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            **self.counts(),
            "queues": [asdict(queue) for queue in self.queues],
            "failures": [asdict(failure) for failure in self.failures],
        }


def _queue(row: sqlite3.Row) -> Queue:
    return Queue(
        *(str(row["destination"]), int(row["waiting"]), float(row["recorded"]), int(row["tries"]), float(row["due"])),
        *(str(row["title"]), None if row["detail"] is None else str(row["detail"])),
    )


def _failure(row: sqlite3.Row) -> Failure:
    return Failure(
        *(str(row["destination"]), str(row["title"]), float(row["recorded"]), float(row["ended"]), int(row["tries"])),
        str(row["detail"] or ""),
    )
