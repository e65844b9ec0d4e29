"""What a run has left behind, read once: its record, events, requests, texts, curves and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lineside.checkpoints.catalog import Catalog
from lineside.errors import NoRecords, StoreError
from lineside.outbox.standing import OutboxStanding
from lineside.reports.html.selection import Selection
from lineside.store.directory import RunDirectory
from lineside.store.entries import Attempt, Event, RecordedRequest, Text
from lineside.store.reader import RunReader
from lineside.store.run_record import RunRecord
from lineside.store.series import Point, Series


@dataclass(frozen=True)
class Evidence:
    """What there is to report. Nothing in it is trusted: a run's directory may come from anybody.

    Attributes:
        directory: of the run.
        record: what the run says of itself.
        status: how it stands; ``killed`` where it could not say so itself.
        attempts: first to last.
        evaluations: numbers of those behind the end of the training, which trained nothing.
        last_steps: how far each attempt came.
        history: all events, those that a later attempt has made anew included.
        events: those that count.
        requests: those that count, each with what became of it.
        texts: those that count.
        curves: of the metrics that are shown, reduced so that no extreme is lost.
        left_out: names of metrics that are too many to be shown.
        latest: the last point of each metric that is shown.
        checkpoints: those that are kept.
        outbox: what was delivered, and what waits; None where that cannot be read.
    """

    directory: RunDirectory
    record: RunRecord
    status: str
    checkpoints: Catalog
    outbox: OutboxStanding | None = field(default_factory=OutboxStanding)
    attempts: Sequence[Attempt] = ()
    evaluations: frozenset[int] = frozenset()
    last_steps: Mapping[int, int] = field(default_factory=dict)
    history: Sequence[Event] = ()
    events: Sequence[Event] = ()
    requests: Sequence[RecordedRequest] = ()
    texts: Sequence[Text] = ()
    curves: Mapping[str, Series] = field(default_factory=dict)
    left_out: Sequence[str] = ()
    latest: Mapping[str, Point] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Evidence:
        """Read a run's directory, while the run goes on or afterwards, however it ended.

        Raises:
            RunNotFound: it is no run's directory.
            StoreError: its records are damaged, too new, or cannot be read now. One that has not recorded anything yet
                is no error.
        """
        directory = RunDirectory.open(path)
        record = directory.read_record()
        known: dict[str, Any] = {
            "directory": directory,
            "record": record,
            "status": _status(directory, record),
            "checkpoints": Catalog(directory.checkpoints, record.id),
            "outbox": _outbox(path),
        }
        try:
            with RunReader.open(directory.database) as reader:
                return cls(**known, **_recorded(reader))
        except NoRecords:
            return cls(**known)

    def of_kind(self, kind: str) -> list[Event]:
        """Return the events of a kind that count."""
        return [event for event in self.events if event.kind == kind]


def _status(directory: RunDirectory, record: RunRecord) -> str:
    try:
        return directory.status(record)
    except OSError:  # a lock that cannot be looked at
        return record.status


def _outbox(path: Path) -> OutboxStanding | None:
    try:
        return OutboxStanding.read(path)
    except StoreError:  # it hides nothing of the run
        return None


def _recorded(reader: RunReader) -> dict[str, Any]:
    selection = Selection.of(reader.metric_names())
    curves = {name: reader.series(name, max_points=selection.points) for name in selection.shown}
    latest = {name: reader.latest(name) for name in selection.shown}
    return {
        "attempts": reader.attempts(),
        "evaluations": reader.evaluations(),
        "last_steps": reader.last_steps(),
        "history": reader.events(attempts="all"),
        "events": reader.events(),
        "requests": reader.requests(),
        "texts": reader.texts(),
        "curves": {name: series for name, series in curves.items() if series},
        "left_out": selection.left_out,
        "latest": {name: point for name, point in latest.items() if point is not None},
    }
