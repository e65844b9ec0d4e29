"""What was last heard of a run that died: its error, its last alert, text and values, and when its heart stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from lineside.cli.metric_summary import MetricSummary
from lineside.store.entries import Event, Text
from lineside.store.reader import RunReader
from lineside.store.run_record import RunRecord


@dataclass(frozen=True, slots=True)
class LastWords:
    """The last records of a run's last attempt; None for what it did not leave.

    Attributes:
        heartbeat: when it was last known to live, in seconds since 1970.
        exception: the error that ended it.
        alert: the last alert.
        text: the last text that was logged.
        values: the metrics at the last step that was recorded.
    """

    heartbeat: float
    exception: Event | None = None
    alert: Event | None = None
    text: Text | None = None
    values: Sequence[MetricSummary] = ()

    @classmethod
    def read(cls, reader: RunReader, record: RunRecord, metrics: Sequence[MetricSummary]) -> Self:
        """Read them; nothing of an earlier attempt is among them.

        Args:
            reader: of the run.
            record: the run's record.
            metrics: all metrics, or those that matter.
        """

        def last(kind: str) -> Event | None:
            found = [event for event in reader.events(kind) if event.attempt == record.attempt]
            return found[-1] if found else None

        texts = [text for text in reader.texts() if text.attempt == record.attempt]
        newest = max((metric.last for metric in metrics), key=lambda point: point.step, default=None)
        return cls(
            record.updated if newest is None else max(record.updated, newest.time),
            last("exception"),
            last("alert"),
            texts[-1] if texts else None,
            [metric for metric in metrics if newest is not None and metric.last.step == newest.step],
        )

    @property
    def traceback(self) -> str:
        """The traceback of the error, where it was recorded."""
        return "" if self.exception is None else str(self.exception.data.get("traceback") or "")

    def document(self) -> dict[str, Any]:
        """Return them for ``--json``."""
        return {
            "heartbeat": self.heartbeat,
            "error": None if self.exception is None else str(self.exception.data.get("error")),
            "traceback": self.traceback or None,
            "alert": None if self.alert is None else alert_document(self.alert),
            "text": None if self.text is None else {"tag": self.text.tag, "text": self.text.text},
            "metrics": {metric.name: metric.last.value for metric in self.values},
        }


def alert_document(alert: Event) -> dict[str, Any]:
    """Return an alert for ``--json``."""
    known = {key: str(alert.data.get(key) or "") for key in ("level", "title", "text", "author")}
    return {"step": alert.step, "epoch": alert.epoch, "time": alert.time, "attempt": alert.attempt} | known
