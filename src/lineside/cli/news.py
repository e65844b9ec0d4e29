"""What happens in a run, as it is recorded: read again and again, each time what is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rich.text import Text

from lineside.cli.amounts import count, number
from lineside.cli.decisions import Decision
from lineside.cli.metric_names import in_order
from lineside.cli.terminal import printable
from lineside.errors import NoRecords, StoreUnavailable
from lineside.language import text
from lineside.store.directory import RunDirectory
from lineside.store.entries import Event
from lineside.store.reader import RunReader

_OF_AN_EPOCH: Final = ("train", "val", "lr")
"""What the line of an epoch tells; diagnostics, of which there may be hundreds, are told by `lineside show`."""


@dataclass(frozen=True, slots=True)
class News:
    """One event, or one request with its outcome."""

    time: float
    step: int | None
    what: Event | Decision

    def document(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        if isinstance(self.what, Decision):
            return {"event": "request", **self.what.document()}
        event = self.what
        place = {"time": event.time, "attempt": event.attempt, "step": event.step, "epoch": event.epoch}
        return {"event": event.kind, **place, "data": dict(event.data)}

    @property
    def place(self) -> str:
        """Where in the training it happened, in words."""
        return "" if self.step is None else text(f"step {count(self.step)}", f"第 {count(self.step)} 步")

    def said(self) -> Text | None:
        """Return it in a sentence for people; None for what they need not see."""
        return _decision(self.what) if isinstance(self.what, Decision) else _event(self.what)


class Newsfeed:
    """Reads what was recorded since it last read; attempts that were superseded are part of the story.

    Args:
        run: the run's directory.
    """

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._events = 0
        self._requests = 0

    def read(self) -> list[News]:
        """Return what is new, in order; nothing where the run cannot be read at the moment.

        Raises:
            StoreError: the file is damaged, or of a newer Lineside.
        """
        try:
            with RunReader.open(self._run.path) as reader:
                events = reader.events(attempts="all", skip=self._events)
                requests = reader.requests(attempts="all")[self._requests :]
        except (NoRecords, StoreUnavailable):
            return []
        self._events += len(events)
        self._requests += len(requests)
        news = [News(event.time, event.step, event) for event in events]
        news += [News(entry.time, entry.step, Decision(entry)) for entry in requests]
        return sorted(news, key=lambda each: each.time)


def _decision(decision: Decision) -> Text | None:
    if decision.routine:
        return None
    why = f" ({decision.why})" if decision.why else ""
    return (
        Text()
        .append(decision.what, "bold cyan")
        .append(text(f" by {decision.who}{why}: ", f"，{decision.who}{why}："))
        .append_text(decision.outcome())
    )


def _event(event: Event) -> Text | None:
    data = event.data
    match event.kind:
        case "epoch_end":
            which = text(f"epoch {event.epoch + 1}", f"第 {event.epoch + 1} 轮")
            said, style = "  ".join([which, *_values(data)]), ""
        case "checkpoint":
            tags = data.get("tags")
            words = ", ".join(map(printable, tags)) if isinstance(tags, list) else ""
            said, style = text("checkpoint ", "检查点 ") + f"{printable(data.get('name'))} ({words})", "green"
        case "alert":
            detail = " ".join(map(printable, str(data.get("text") or "").splitlines()))
            told = ": ".join(filter(None, (printable(data.get("title")), detail)))
            said, style = text("alert: ", "告警：") + told, "yellow"
        case "exception":
            said, style = text("error: ", "错误：") + printable(data.get("error")), "bold red"
        case "train_start":
            said, style = text(f"attempt {event.attempt} trains", f"第 {event.attempt} 次运行开始训练"), "bold"
        case "paused":
            said, style = text("paused", "已暂停"), "yellow"
        case "unpaused":
            said, style = text("goes on", "继续训练"), "green"
        case _:
            return None
    return Text(said, style)


def _values(data: Mapping[str, Any]) -> list[str]:
    names = [name for name in in_order(data) if name.partition("/")[0] in _OF_AN_EPOCH]
    return [f"{printable(name)} {number(data[name])}" for name in names if isinstance(data[name], (int, float))]
