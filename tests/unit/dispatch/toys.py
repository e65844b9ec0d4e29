"""What the tests of this room share: a run that is not there, and callbacks made of functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lineside.callback import Callback, Hook
from lineside.control import Request
from lineside.dispatch.dispatcher import Dispatcher
from lineside.dispatch.guard import Bound
from lineside.dispatch.snapshot import FIELDS, Identity, RunSnapshot
from lineside.events import Event, event_of
from lineside.metrics import MetricTable
from lineside.ports import Alert

VALUES = {
    "stage": "train", "epoch": 2, "total_epochs": 10, "epochs_done": 2, "step": 20, "total_steps": 100, "batch": 3,
    "total_batches": 10, "batches_done": 23, "samples": 736, "elapsed": 1.5, "save_seconds": 0.25,
    "has_validation": True, "lr": {"0": 0.1}, "reason": None, "summary": None, "validated_with": "raw",
}  # fmt: skip


class Desk:
    """Where a snapshot hands in what its callback asks for."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.alerts: list[Alert] = []
        self.published: list[tuple[Mapping[str, Any], str]] = []
        self.media: list[tuple[str, str, Any]] = []
        self.jobs: list[tuple[str, Mapping[str, Any], str | None]] = []

    def request(self, request: Request) -> None:
        self.requests.append(request)

    def raise_alert(self, alert: Alert) -> None:
        self.alerts.append(alert)

    def publish(self, values: Mapping[str, Any], author: str) -> None:
        self.published.append((values, author))

    def publish_medium(self, kind: str, tag: str, data: Any) -> None:
        self.media.append((kind, tag, data))

    def offload(
        self,
        target: str,
        arguments: Mapping[str, Any],
        key: str | None = None,
        *,
        at_end: bool = False,
        figure: str | None = None,
    ) -> None:
        self.jobs.append((target, arguments, key, at_end, figure))


def snapshot(desk: Desk | None = None, metrics: Mapping[str, Any] | None = None, **values: Any) -> RunSnapshot:
    """Return a look at a run whose values a test may change."""
    table, batch = MetricTable(freeze=lambda scalar: scalar), MetricTable()
    table.publish(metrics or {"val/loss": 0.5}, 20, 2)
    batch.publish({"loss": 0.25}, 20, 2)
    identity = Identity("project", "run-1", Path("runs/project/run-1"), "loop", 1, 0, 1, {"width": 3}, ())
    given = VALUES | values
    taken = [given[name] for name in FIELDS]
    return RunSnapshot(desk or Desk(), identity, taken, table.copied(), batch.copied())


class Made(Callback):
    """A callback whose hooks are functions of a test, by the name of the hook."""

    def __init__(self, name: str = "made", *, every: Mapping[str, Any] | None = None, **hooks_and_options: Any) -> None:
        given = {event: value for key, value in hooks_and_options.items() if (event := event_of(key)) is not None}
        super().__init__(name=name, **{k: v for k, v in hooks_and_options.items() if event_of(k) is None})
        durations = every or {}
        self._given = {event: Hook(call, durations.get(event.hook)) for event, call in given.items()}

    def hooks(self) -> Mapping[Event, Hook]:
        return self._given


class Stage:
    """A dispatcher with what it needs around it."""

    def __init__(self, *callbacks: Callback, directory: Path | None = None) -> None:
        self.run = SimpleNamespace(epochs_done=0, step=0, batches_done=0, samples=0, elapsed=0.0)
        self.frozen = 0
        self.reports: list[tuple[str, str, Bound]] = []
        self.dispatcher = Dispatcher(
            callbacks, self.run, self._freeze, lambda *report: self.reports.append(report), directory
        )

    def _freeze(self) -> RunSnapshot:
        self.frozen += 1
        return snapshot(step=self.run.step)

    def emit(self, event: Event, payload: Any = None, times: int = 1) -> None:
        for _ in range(times):
            self.dispatcher.emit(event, payload)

    def run_lanes(self) -> None:
        """Do what waits for background callbacks, here and now, and for the last time."""
        for background in self.dispatcher.background.values():
            background.lane.run_waiting()
            background.lane.join(0.0)


def failing(error: BaseException) -> Callable[..., None]:
    """Return a hook that raises."""

    def hook(*_: Any) -> None:
        raise error

    return hook
