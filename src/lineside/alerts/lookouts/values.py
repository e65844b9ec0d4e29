"""Metrics: of the epoch, and where asked for of the batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from lineside.alerts.lookout import Lookout, Tell
from lineside.alerts.rule import Rule
from lineside.callback import Hook
from lineside.errors import MonitorError, nearest
from lineside.events import Event
from lineside.language import text
from lineside.metrics import MetricPoint, canonical
from lineside.monitor import Monitor
from lineside.ports import RunView
from lineside.units import Duration

_REMEMBERED: Final = 200
"""Judged values that a picture can show."""

_LATE: Final = "system/"
"""Metrics that come by the clock, and perhaps not within the first epoch."""


Point = list[Any]
"""Step, epoch from 0, value."""


class Values(Lookout):
    """Shows a rule its metrics once all of them are fresh; one that is stale is never judged.

    With `every`, values of the batches are looked at as often, and those of the epoch for metrics that batches do not
    have. Without it, values of the epoch alone: behind the validation, and again at the end of the epoch for hosts
    that publish later.

    Attributes:
        seen: by metric, the newest values that were judged, the oldest first; each with its step and epoch.
    """

    def __init__(self, rule: Rule, every: Duration | None, tell: Tell, owner: str) -> None:
        super().__init__(rule, every, tell, owner)
        # Only the name counts: which way is better is nothing that a monitor has to know here.
        self._monitors = [Monitor(name, "min") for name in rule.reads]
        self._forget()

    def _forget(self) -> None:
        self.seen: dict[str, deque[Point]] = {name: deque(maxlen=_REMEMBERED) for name in self.rule.reads}
        self._serials: dict[str, int] = {}
        self._validated = False

    def set_up(self, run: RunView) -> None:
        """Forget an earlier training."""
        self._forget()

    def hooks(self) -> Mapping[Event, Hook]:
        """Look where values come."""
        hooks = {
            Event.TRAIN_START: Hook(self._check_start),
            Event.VAL_END: Hook(self._after_validation),
            Event.FIT_EPOCH_END: Hook(self._after_epoch),
            Event.TRAIN_END: Hook(self._check_end),
        }
        return hooks if self.every is None else hooks | {Event.BATCH_END: Hook(self._look, self.every)}

    def _check_start(self, run: RunView) -> None:
        """Refuse a metric of a validation that will not happen. Raises `MonitorError`."""
        for monitor in self._monitors:
            monitor.check_start(run, self.owner)

    def _after_validation(self, run: RunView) -> None:
        self._validated = True
        self._look(run)

    def _after_epoch(self, run: RunView) -> None:
        """Look again, and refuse a metric that should be there by now. Raises `MonitorError`."""
        self._look(run)
        for monitor in self._monitors:
            due = self._validated or not monitor.of_validation
            if due and not canonical(monitor.metric).startswith(_LATE) and self._point(run, monitor.metric) is None:
                there = sorted({*run.metrics, *(run.batch_metrics if self.every else ())})
                raise MonitorError(
                    f"{self.owner} watches {monitor.metric!r}, which nobody has published by epoch {run.epoch + 1}."
                    f"{nearest(monitor.metric, there)} There is: {', '.join(there) or 'nothing'}."
                )

    def _check_end(self, run: RunView) -> None:
        """Say so if a metric never came: of some it is clear only now."""
        missing = [name for name in self.rule.reads if self._point(run, name) is None]
        if missing and run.epochs_done:
            names = ", ".join(missing)
            run.alert(
                text(f"{self.owner} never saw {names}", f"{self.owner} 从未得到 {names}"),
                text("Nobody published it in the whole training.", "整个训练过程中没有人发布过它。"),
            )

    def _point(self, run: RunView, name: str) -> MetricPoint | None:
        of_batch = run.batch_metrics.point(name) if self.every is not None else None
        return of_batch or run.metrics.point(name)

    def _look(self, run: RunView) -> None:
        points = {name: point for name in self.rule.reads if (point := self._point(run, name)) is not None}
        fresh = all(point.serial != self._serials.get(name) for name, point in points.items())
        if len(points) < len(self.rule.reads) or not fresh:
            return
        for name, point in points.items():
            self._serials[name] = point.serial
            self.seen[name].append([point.step, point.epoch, point.value])
        self.tell(run, self.rule.judge({name: point.value for name, point in points.items()}))

    def state_dict(self) -> dict[str, Any]:
        """Return what was seen of the metrics."""
        return {
            "serials": dict(self._serials),
            "validated": self._validated,
            "seen": {name: [list(point) for point in points] for name, points in self.seen.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        self._serials, self._validated = dict(state["serials"]), state["validated"]
        for name, points in state["seen"].items():
            if name in self.seen:  # the rule may have been another one
                self.seen[name].extend(list(point) for point in points)
