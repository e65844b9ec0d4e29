"""A run's directory, written by hand: what the tests of the report read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from lineside.checkpoints.writer import CheckpointStore
from lineside.control import Kind, Outcome, Request
from lineside.reports.html.build import build_report
from lineside.reports.html.contents import contents
from lineside.reports.html.evidence import Evidence
from lineside.store import RunDirectory, RunRecord, StoreWriter

BEGAN = 1_763_700_000.0


class Recorded:
    """A run in the making. Its clock ticks a second with each record."""

    def __init__(self, root: Path) -> None:
        self.directory = RunDirectory.create(root, "digits", "cnn", datetime.fromtimestamp(BEGAN, UTC), "a1b2")
        self.path = self.directory.path
        self.directory.lock()
        self._record = RunRecord(self.path.name, "digits", "cnn", "running", created=BEGAN, updated=BEGAN)
        self.record()
        self._ticks = count(1)
        self._writer = StoreWriter(self.directory.database, 1, self.now)
        self._writer.begin_attempt(1, None, self.now())
        self._open = True

    def now(self) -> float:
        return BEGAN + next(self._ticks)

    def record(self, **changes: Any) -> None:
        """Change what stands in run.json."""
        self._record = replace(self._record, **changes)
        self.directory.write_record(self._record)

    def metric(self, name: str, values: Sequence[float], *, every: int = 1) -> None:
        """Record the values of a metric, one an epoch of `every` steps."""
        self._writer.rows(
            [((epoch + 1) * every, epoch, self.now(), {name: value}) for epoch, value in enumerate(values)]
        )

    def metrics(self, values: Mapping[str, Sequence[float]]) -> None:
        """Record the values of several metrics that come together, one a step."""
        self._writer.rows(
            [
                (step, 0, BEGAN + step, dict(zip(values, row, strict=True)))
                for step, row in enumerate(zip(*values.values(), strict=True))
            ]
        )

    def event(self, kind: str, data: Mapping[str, Any] | None = None, *, step: int = 0, epoch: int = 0) -> None:
        self._writer.event(kind, step=step, epoch=epoch, time=self.now(), data=data or {})

    def request(self, kind: Kind, outcome: Outcome | None, *, author: str = "ada", **fields: Any) -> None:
        origin = fields.pop("origin", "operator")
        self._writer.request(Request(kind, fields.pop("reason", ""), author, origin, fields), outcome)

    def text(self, tag: str, text: str, *, step: int = 0) -> None:
        self._writer.text(tag, text, step=step, epoch=0, time=self.now())

    def attempt(self, number: int, resumed_step: int | None) -> None:
        """Begin another attempt."""
        self._writer.begin_attempt(number, resumed_step, self.now())
        self.record(attempt=number)

    def ended(self, status: str = "completed", reason: str = "", **data: Any) -> None:
        """Record how an attempt ended."""
        self.event("end", {"status": status, "reason": reason, "seconds": 12.0, "costs": [], **data}, step=1)

    def checkpoints(self) -> CheckpointStore:
        return CheckpointStore(self.directory.checkpoints, self.path.name)

    def end(self, status: Any = "completed", **changes: Any) -> None:
        """Close everything, once."""
        if self._open:
            self._open = False
            self._writer.close()
            self.record(status=status, **changes)
            self.directory.unlock()

    def evidence(self) -> Evidence:
        """Return what there is to report."""
        if self._open:
            self._writer.commit()
        return Evidence.read(self.path)

    def contents(self, language: Any = "en") -> dict[str, Any]:
        return contents(self.evidence(), language)

    def report(self, language: Any = "en") -> str:
        """Return the report as text."""
        if self._open:
            self._writer.commit()
        return build_report(self.path, reader_language=language).read_text("utf-8")


def cost(name: str = "slow", **fields: Any) -> dict[str, Any]:
    """Return what a run records of one callback."""
    return {
        "name": name,
        "lane": "inline",
        "calls": 10,
        "total": 2.5,
        "mean": 0.25,
        "p99": 0.3,
        "share": 0.5,
        "failures": 0,
        "dropped": 0,
        "disabled": [],
        **fields,
    }
