"""A frozen look at a run, for callbacks that do not run on the training thread."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

from lineside.control import Kind, Request
from lineside.errors import NotInline
from lineside.metrics import Metrics, checked_name
from lineside.ports import Alert, CallbackInfo, MediumKind, Stage
from lineside.voice import Voice

OF_PROGRESS = (*("epoch", "total_epochs", "epochs_done", "step", "total_steps", "batches_done", "samples"),)
OF_RUN = ("stage", "batch", "total_batches", "save_seconds", "has_validation", "reason", "summary")
FIELDS = (*OF_PROGRESS, *OF_RUN, "elapsed", "validated_with", "lr")
"""What changes during a run and is copied into each snapshot, in this order."""

_PLACES = {name: place for place, name in enumerate(FIELDS)}

_INLINE_ONLY = (
    *("model", "batch_data", "outputs", "loss", "measure_data_wait"),
    *("optimizers", "schedulers", "add_scheduler", "scheduled_lr", "schedule_lr", "scale_lr", "validate_with"),
    *("rehearsing", "rehearse", "end_rehearsal", "trials"),
)


class Desk(Protocol):
    """Where a snapshot hands in what its callback asks for; the run is one."""

    def request(self, request: Request) -> None:
        """Put a request where the next safe point finds it."""

    def raise_alert(self, alert: Alert) -> None:
        """Put an alert into the mail."""

    def publish(self, values: Mapping[str, Any], author: str) -> None:
        """Put metrics into the mail."""

    def publish_medium(self, kind: MediumKind, tag: str, data: Any) -> None:
        """Hand a text, picture or file to all sinks."""

    def offload(
        self,
        target: str,
        arguments: Mapping[str, Any],
        key: str | None = None,
        *,
        at_end: bool = False,
        figure: str | None = None,
    ) -> None:
        """Run a function in the helper process."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What does not change during a run; shared by all its snapshots."""

    project: str
    name: str
    dir: Path
    host: str
    attempt: int
    rank: int
    world_size: int
    hparams: Mapping[str, Any]
    callbacks: Sequence[CallbackInfo]


class RunSnapshot(Voice):
    """A run as it was at one event. Reads are frozen; requests go to the live run with the step of this snapshot.

    Args:
        desk: the live run.
        identity: what does not change.
        values: of all `FIELDS`.
        metrics: points of the newest values of the epoch, as `Metrics` takes them; nobody changes them any more.
        batch: those of the batch.
    """

    stage: Stage
    epoch: int
    total_epochs: int | None
    epochs_done: int
    step: int
    total_steps: int | None
    batch: int
    total_batches: int | None
    batches_done: int
    samples: int
    elapsed: float
    save_seconds: float | None
    has_validation: bool | None
    lr: Mapping[str, float]
    reason: str | None
    summary: str | None
    validated_with: str

    def __init__(
        self,
        desk: Desk,
        identity: Identity,
        values: Sequence[Any],
        metrics: dict[str, Any],
        batch: dict[str, Any],
    ) -> None:
        self._desk = desk
        self._identity = identity
        self._speaker = ""
        self._values = values
        self._metrics = metrics
        self._batch = batch

    @property
    def metrics(self) -> Metrics:
        """The newest values of the epoch."""
        return Metrics(self._metrics)

    @property
    def batch_metrics(self) -> Metrics:
        """The values of the batch."""
        return Metrics(self._batch)

    def by(self, author: str) -> RunSnapshot:
        """Return this snapshot as one callback sees it: what it asks for bears its name."""
        view = copy.copy(self)
        view.__dict__["_speaker"] = author
        return view

    def __getattr__(self, name: str) -> Any:
        """Give what was taken, and what never changes; refuse what exists on the training thread alone."""
        if name in _PLACES and self._values:
            return self._values[_PLACES[name]]
        if name in _INLINE_ONLY:
            self._inline_only(f"run.{name}")
        if name.startswith("_") or not hasattr(self._identity, name):
            raise AttributeError(
                f"A snapshot of the run has no {name!r}: see lineside.RunView for what callbacks read."
            )
        return getattr(self._identity, name)

    def _inline_only(self, what: str) -> NoReturn:
        raise NotInline(
            f"{self._author or 'A background callback'} reached for {what}, which exists on the training thread alone: "
            "set background=False, or take what you need from run.metrics."
        )

    @property
    def _author(self) -> str:
        return self._speaker

    def _ask(self, kind: Kind, reason: str, **arguments: Any) -> None:
        self._desk.request(Request(kind, reason, self._author, "background", arguments, self.step))

    def log(self, values: Mapping[str, Any]) -> None:
        """Publish metrics, named as in the stage of this snapshot, at the run's present step."""
        self._desk.publish({checked_name(name, self.stage): value for name, value in values.items()}, self._author)

    def publish_medium(self, kind: MediumKind, tag: str, data: Any) -> None:
        """Hand a text, picture or file to all sinks."""
        self._desk.publish_medium(kind, tag, data)

    def raise_alert(self, alert: Alert) -> None:
        """Raise an alert; inline callbacks see it at the next safe point."""
        self._desk.raise_alert(alert)

    def retain(self, *policies: Any) -> NoReturn:
        """Refused: retention is set inline, at setup."""
        self._inline_only("run.retain()")

    def offload(
        self,
        target: str,
        arguments: Mapping[str, Any],
        key: str | None = None,
        *,
        at_end: bool = False,
        figure: str | None = None,
    ) -> None:
        """Run a function in the helper process."""
        self._desk.offload(target, arguments, key, at_end=at_end, figure=figure)

    def plain(self) -> tuple[list[Any], dict[str, Any], dict[str, Any]]:
        """Return the frozen values as plain data, for a queue that overflows to disk."""
        *values, rates = self._values
        rates = {name: float(rate) for name, rate in rates.items()}
        return [*values, rates], _points(self.metrics), _points(self.batch_metrics)

    def emptied(self) -> RunSnapshot:
        """Return a snapshot without values, to be `filled` again."""
        return RunSnapshot(self._desk, self._identity, (), {}, {})

    def filled(self, plain: tuple[list[Any], dict[str, Any], dict[str, Any]]) -> RunSnapshot:
        """Return a snapshot with the values that `plain` gave."""
        return RunSnapshot(self._desk, self._identity, *plain)


def _points(metrics: Metrics) -> dict[str, Any]:
    """Return all points as plain data; reads values that are still on a device."""
    return {name: tuple(metrics.point(name) or ()) for name in metrics}
