"""The reader of a run's records: read-only, at any time, from any process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from lineside.errors import MetricNotFound, StoreDamaged, nearest
from lineside.store.chunkreader import ChunkReader
from lineside.store.database import open_for_reading, translated
from lineside.store.entries import Attempt, Event, RecordedRequest, Text
from lineside.store.extremes import at_most
from lineside.store.series import Point, Series
from lineside.store.supersede import Cuts

Attempts = Literal["effective", "all"]
"""`effective` leaves out what was superseded when a later attempt resumed from before it; `all` returns everything."""


class RunReader:
    """Reads `run.db` while the run goes on, after it ended, or after it was killed. Use it as a context manager.

    Each call sees one commit, whole. A reader belongs to one thread. Any error about the file is a `StoreError`.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, cleanup: ExitStack) -> None:
        self._connection = connection
        self._path = path
        self._cleanup = cleanup

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a run, by its directory or its database.

        Raises:
            NoRecords: there is nothing to read yet.
            StoreDamaged, StoreTooNew, StoreUnavailable: see `open_for_reading`.
        """
        database = path / "run.db" if path.is_dir() else path
        with ExitStack() as cleanup:
            connection = cleanup.enter_context(open_for_reading(database))
            return cls(connection, database, cleanup.pop_all())

    def close(self) -> None:
        """Close the file."""
        self._cleanup.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def metric_names(self) -> list[str]:
        """Return the names of all metrics, in order of first appearance."""
        with self._snapshot():
            return [name for (name,) in self._connection.execute("SELECT name FROM metric ORDER BY id")]

    def series(self, name: str, *, attempts: Attempts = "effective", max_points: int | None = None) -> Series:
        """Return the points of a metric by attempt and step.

        Args:
            name: a canonical name, such as ``val/loss``.
            attempts: whether superseded points are left out.
            max_points: return at most so many (at least 4): of each of equal buckets the least and the greatest value
                and the first NaN, so that no spike is lost. The cost then depends on it more than on the run's length.

        Raises:
            MetricNotFound: there is no such metric.
            ValueError: `max_points` is below 4.
        """
        if max_points is not None and max_points < 4:
            raise ValueError(
                f"max_points={max_points} is too small to show extremes: give 4 or more, or None for all points."
            )
        with self._snapshot():
            chunks = ChunkReader(self._connection, self._metric(name), self._cuts(attempts))
            series = chunks.series(max_points)
        return series if max_points is None else at_most(series, max_points)

    def latest(self, name: str) -> Point | None:
        """Return the last point of a metric that counts, or None where all are superseded.

        Raises:
            MetricNotFound: there is no such metric.
        """
        with self._snapshot():
            return ChunkReader(self._connection, self._metric(name), self._cuts("effective")).latest()

    def events(self, kind: str | None = None, *, attempts: Attempts = "effective", skip: int = 0) -> list[Event]:
        """Return what happened, in order; of one kind or of all. The first `skip` that were recorded are passed over.

        Records are only ever added, so whoever follows a run skips those of ``attempts="all"`` that he knows.
        """
        with self._snapshot():
            cuts = self._cuts(attempts)
            found = self._connection.execute(
                "SELECT * FROM event WHERE ?1 IS NULL OR kind = ?1 ORDER BY id LIMIT -1 OFFSET ?2", (kind, skip)
            )
            events = [Event.from_row(row) for row in found]
            return [event for event in events if cuts.keep(event.attempt, event.step, event.time)]

    def evaluations(self) -> frozenset[int]:
        """Return the numbers of the attempts behind the end of the training that trained nothing."""
        with self._snapshot():
            found = self._connection.execute(
                "SELECT number FROM attempt WHERE number > (SELECT MIN(attempt) FROM event WHERE kind = 'end')"
                " EXCEPT SELECT attempt FROM event WHERE kind = 'train_start'"
            )
            return frozenset(int(number) for (number,) in found)

    def texts(self, tag: str | None = None, *, attempts: Attempts = "effective") -> list[Text]:
        """Return logged texts, in order; of one tag or of all."""
        with self._snapshot():
            cuts = self._cuts(attempts)
            found = self._connection.execute("SELECT * FROM text WHERE ?1 IS NULL OR tag = ?1 ORDER BY id", (tag,))
            texts = [Text.from_row(row) for row in found]
            return [text for text in texts if cuts.keep(text.attempt, text.step, text.time)]

    def requests(self, *, attempts: Attempts = "effective") -> list[RecordedRequest]:
        """Return requests in the order in which they were recorded.

        ``effective`` gives each once, as it was last recorded where that counts; ``all`` gives it once an attempt.
        """
        with self._snapshot():
            recorded = self._recorded()
            if attempts == "all":
                return recorded
            cuts = self._cuts(attempts)
        # Records carry the time at which they were written down, later than the step: only the step tells what counts.
        counting = [entry for entry in recorded if entry.step is None or entry.step <= cuts.of(entry.attempt)[0]]
        return list({entry.request.id: entry for entry in counting}.values())

    def request(self, request_id: str) -> RecordedRequest | None:
        """Return one request as the last attempt recorded it, or None if none did."""
        with self._snapshot():
            found = self._connection.execute(
                "SELECT * FROM request WHERE id = ? ORDER BY attempt DESC LIMIT 1", (request_id,)
            ).fetchone()
            return None if found is None else RecordedRequest.from_row(found)

    def requests_applied_after(self, step: int) -> list[RecordedRequest]:
        """Return the requests that any attempt applied after a step, by that step: what a resume must apply again.

        Of several attempts the last to answer a request counts; one that died before it came so far took nothing back.
        Which of them repeat by themselves, `Request.replayed` tells.
        """
        with self._snapshot():
            answered = {entry.request.id: entry for entry in self._recorded() if entry.outcome is not None}
        applied = [
            e for e in answered.values() if e.outcome is not None and e.outcome.applied and e.outcome.step > step
        ]
        return sorted(applied, key=lambda entry: entry.step or 0)

    def attempts(self) -> list[Attempt]:
        """Return the attempts, first to last."""
        with self._snapshot():
            return self._attempts()

    def last_steps(self) -> dict[int, int]:
        """Return how far each attempt came: the last step at which it recorded metrics, superseded ones included."""
        with self._snapshot():
            found = self._connection.execute("SELECT attempt, MAX(last_step) FROM block GROUP BY attempt")
            return {int(attempt): int(step) for attempt, step in found}

    def _attempts(self) -> list[Attempt]:
        found = self._connection.execute(
            "SELECT number, started, resumed_step, resumed_time FROM attempt ORDER BY number"
        )
        return [Attempt.from_row(row) for row in found]

    def _cuts(self, attempts: Attempts) -> Cuts:
        return Cuts(self._attempts() if attempts == "effective" else [])

    def _metric(self, name: str) -> int:
        found = self._connection.execute("SELECT id FROM metric WHERE name = ?", (name,)).fetchone()
        if found is None:
            known = [known for (known,) in self._connection.execute("SELECT name FROM metric ORDER BY name")]
            there = ", ".join(known) or "nothing yet"
            raise MetricNotFound(f"The run has no metric {name!r}.{nearest(name, known)} There is: {there}.")
        return int(found[0])

    def _recorded(self) -> list[RecordedRequest]:
        found = self._connection.execute("SELECT * FROM request ORDER BY attempt, rowid")
        return [RecordedRequest.from_row(row) for row in found]

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """Hold one state of the file for several queries, and name the file in what goes wrong with it."""
        with translated(self._path):
            self._connection.execute("BEGIN")
            try:
                yield
            except (ValueError, TypeError, OverflowError) as error:
                raise StoreDamaged(self._path, str(error)) from error
            finally:
                self._connection.execute("ROLLBACK")
