"""A callback that writes down what it sees, in a form that can be compared between hosts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, NamedTuple

from lineside.callback import Callback, Hook
from lineside.events import Event
from lineside.ports import RunView, Stage


class Sighting(NamedTuple):
    """One event as a callback saw it; values of metrics differ between hosts, their names must not."""

    event: Event
    epoch: int
    step: int
    batch: int
    stage: Stage
    metrics: tuple[str, ...]


class TraceRecorder(Callback):
    """Records every event that the host emits, with the counters and the sorted names of all metrics.

    Attributes:
        trace: what was seen since ``on_setup``, which it contains.
    """

    optional_hooks: ClassVar[frozenset[str]] = frozenset(event.hook for event in Event)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.trace: list[Sighting] = []

    @property
    def events(self) -> list[str]:
        """The names of the hooks, in order."""
        return [sighting.event.hook for sighting in self.trace]

    def hooks(self) -> Mapping[Event, Hook]:
        """Subscribe to everything."""
        return {event: Hook(partial(self._see, event)) for event in Event}

    def _see(self, event: Event, run: RunView, _payload: object = None) -> None:
        if event is Event.SETUP:
            self.trace.clear()
        self.trace.append(Sighting(event, run.epoch, run.step, run.batch, run.stage, tuple(sorted(run.metrics))))
