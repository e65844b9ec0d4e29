"""The writer of a run's records."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lineside.control import Outcome, Request
from lineside.ports import LogRow, Recorder
from lineside.store.database import open_for_writing, translated
from lineside.store.plain import to_json, utf8
from lineside.store.rowgroup import RowGroup, Stored


class StoreWriter(Recorder):
    """Writes metrics, events, requests and texts into `run.db`; for the holder of the run's lock alone.

    Everything is kept in memory until `commit`, which puts all of it on the disk in one transaction or, with an error,
    nothing: then it stays in memory and the next commit tries again. Called from one thread at a time. In a forked
    child it does nothing, because SQLite does not survive a fork.

    Args:
        path: the database, `RunDirectory.database`.
        attempt: the attempt to which the records belong.
        clock: gives seconds since 1970.

    Raises:
        StoreError: the file cannot be opened; see `open_for_writing`.
    """

    GROUPS = 64
    """Sets of names that are kept apart. When a run logs yet another set, its metrics are written one by one."""
    WAITING_VALUES = 4_000_000
    """Values that may wait in memory while commits fail (32 MB); further rows are dropped and counted."""

    def __init__(self, path: Path, attempt: int, clock: Callable[[], float]) -> None:
        self.path = path
        self.dropped_values = 0
        self._attempt = attempt
        self._clock = clock
        self._pid = os.getpid()
        self._groups: dict[tuple[str, ...], RowGroup] = {}
        self._statements: list[tuple[str, tuple[object, ...]]] = []
        self._metric_ids: dict[str, int] = {}
        self._waiting_values = 0
        self._connection: sqlite3.Connection | None = open_for_writing(path)

    def begin_attempt(
        self, attempt: int, resumed_step: int | None, started: float, resumed_time: float | None = None
    ) -> None:
        """Record that an attempt starts, and file what follows under it.

        Args:
            attempt: its number, from 1.
            resumed_step: step of the checkpoint from which it resumes; None where it starts from nothing.
            started: seconds since 1970.
            resumed_time: when the state of that checkpoint was captured; tells records of that very step apart.
        """
        self.commit()
        self._groups.clear()
        self._attempt = attempt
        self._later(
            "INSERT OR REPLACE INTO attempt (number, started, resumed_step, resumed_time) VALUES (?, ?, ?, ?)",
            (attempt, started, resumed_step, resumed_time),
        )

    def rows(self, rows: Sequence[LogRow]) -> None:
        """Add metric values; rows that share their names are stored together."""
        alike: dict[tuple[str, ...], list[LogRow]] = {}
        for row in rows:
            if row[3]:
                alike.setdefault(tuple(row[3]), []).append(row)
        for names, members in alike.items():
            values = len(names) * len(members)
            if self._waiting_values + values > self.WAITING_VALUES:
                self.dropped_values += values
                continue
            self._waiting_values += values
            if names in self._groups or len(self._groups) < self.GROUPS:
                self._group(names).extend(members)
            else:
                for name in names:
                    self._group((name,)).extend(
                        [(step, epoch, time, {name: v[name]}) for step, epoch, time, v in members]
                    )

    def event(self, kind: str, *, step: int, epoch: int, time: float, data: Mapping[str, Any]) -> None:
        """Add something that happened; `data` becomes plain data."""
        self._later(
            "INSERT INTO event (attempt, kind, step, epoch, time, data) VALUES (?, ?, ?, ?, ?, ?)",
            (self._attempt, utf8(kind), step, epoch, time, to_json(data)),
        )

    def request(self, request: Request, outcome: Outcome | None) -> None:
        """Add a request, or what became of it; within an attempt the last word on an id counts."""
        answer = (None, None, None) if outcome is None else (outcome.applied, outcome.step, utf8(outcome.detail))
        self._later(
            "INSERT INTO request (id, attempt, time, kind, author, origin, reason, arguments, requested_step,"
            " applied, outcome_step, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id, attempt) DO UPDATE SET time = excluded.time, applied = excluded.applied,"
            " outcome_step = excluded.outcome_step, detail = excluded.detail",
            (
                utf8(request.id),
                self._attempt,
                self._clock(),
                request.kind.word,
                utf8(request.author),
                request.origin,
                utf8(request.reason),
                to_json(request.arguments),
                request.step,
                *answer,
            ),
        )

    def text(self, tag: str, text: str, *, step: int, epoch: int, time: float) -> None:
        """Add a text under a tag."""
        self._later(
            "INSERT INTO text (attempt, tag, text, step, epoch, time) VALUES (?, ?, ?, ?, ?, ?)",
            (self._attempt, utf8(tag), utf8(text), step, epoch, time),
        )

    def commit(self) -> None:
        """Put everything on the disk; when it returns, a power loss takes nothing of it away.

        Raises:
            StoreUnavailable: the disk is full or fails, or a reader holds the file for too long. Nothing is lost: what
                was to be committed waits for the next commit.
            StoreDamaged: the file is damaged.
        """
        self._write(finish=False)

    def close(self) -> None:
        """Commit, make the file compact, and close it; the file is closed even when that fails.

        Raises:
            StoreError: as `commit`.
        """
        try:
            self._write(finish=True)
        finally:
            connection, self._connection = self._connection, None
            if connection is not None and self._pid == os.getpid():
                connection.close()

    def _later(self, statement: str, values: tuple[object, ...]) -> None:
        self._statements.append((statement, values))

    def _group(self, names: tuple[str, ...]) -> RowGroup:
        group = self._groups.get(names)
        if group is None:
            group = self._groups[names] = RowGroup(names)
        return group

    def _write(self, *, finish: bool) -> None:
        connection = self._connection
        if connection is None or self._pid != os.getpid():
            return
        groups = [group for group in self._groups.values() if group.waiting or finish]
        if not groups and not self._statements:
            return
        try:
            with translated(self.path):
                connection.execute("BEGIN IMMEDIATE")
                stored = self._fill(connection, groups, finish=finish)
                connection.execute("COMMIT")
        except BaseException:
            self._metric_ids.clear()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._statements.clear()
        self._waiting_values = 0
        for group, state in zip(groups, stored, strict=True):
            group.adopt(state)

    def _fill(self, connection: sqlite3.Connection, groups: Sequence[RowGroup], *, finish: bool) -> list[Stored]:
        def metric_id(name: str) -> int:
            known = self._metric_ids.get(name)
            if known is None:
                connection.execute("INSERT OR IGNORE INTO metric (name) VALUES (?)", (utf8(name),))
                (known,) = connection.execute("SELECT id FROM metric WHERE name = ?", (utf8(name),)).fetchone()
                self._metric_ids[name] = known
            return int(known)

        for statement, values in self._statements:
            connection.execute(statement, values)
        return [group.store(connection, self._attempt, metric_id, finish=finish) for group in groups]
