"""The callbacks with which a host is tried out on the toy training."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from lineside.callback import Callback, Hook
from lineside.events import Event
from lineside.ports import Alert, CheckpointView, RunView
from lineside.testing.trace import TraceRecorder

_HERE = str(Path(__file__).parents[1])


class Asks(Callback):
    """Does something at one event of one epoch, and batch if it is one of those."""

    def __init__(
        self, do: Callable[[RunView], None], event: Event, *, epoch: int = 0, batch: int = 0, **options: Any
    ) -> None:
        self._do, self._event, self._at = do, event, (epoch, batch)
        super().__init__(**options)

    def hooks(self) -> Mapping[Event, Hook]:
        """Subscribe to that event."""
        return {self._event: Hook(self._look)}

    def _look(self, run: RunView) -> None:
        if run.epoch == self._at[0] and (run.batch == self._at[1] or not self._event.per_batch):
            self._do(run)


class CountsCalls(Callback):
    """Counts which functions of Lineside are called in the batches of an epoch; has no hook in them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._calls: Counter[str] = Counter()

    def on_epoch_start(self, run: RunView) -> None:
        """Begin."""
        sys.setprofile(self._count)

    def on_train_epoch_end(self, run: RunView) -> None:
        """End."""
        sys.setprofile(None)

    def _count(self, frame: FrameType, what: str, argument: Any) -> None:
        if what == "call" and frame.f_code.co_filename.startswith(_HERE):
            self._calls[f"{frame.f_code.co_qualname} in {frame.f_code.co_filename}"] += 1

    def in_each(self, batches: int) -> dict[str, int]:
        """Return how often a function was called for each of so many batches."""
        return {name: count // batches for name, count in self._calls.items() if count >= batches}


class KeepsValues(Callback):
    """Keeps the values at the end of each epoch, with their origin."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.values: list[dict[str, tuple[float, int, int]]] = []

    def on_fit_epoch_end(self, run: RunView) -> None:
        """Keep them."""
        found = {name: run.metrics.point(name) for name in ("train/loss", "val/loss")}
        self.values.append({name: point[:3] for name, point in found.items() if point is not None})


class KeepsRates(Callback):
    """Keeps the learning rate at the end of each batch."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.seen: list[float] = []

    def on_batch_end(self, run: RunView) -> None:
        """Keep it."""
        self.seen.append(next(iter(run.lr.values())))


class KeepsCheckpoints(Callback):
    """Keeps the checkpoints that are committed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.seen: list[CheckpointView] = []

    def on_checkpoint(self, run: RunView, checkpoint: CheckpointView) -> None:
        """Keep it."""
        self.seen.append(checkpoint)


class KeepsAlerts(Callback):
    """Keeps who raised which alerts, and the tags of the checkpoints that they asked for."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.seen: list[tuple[str, str]] = []
        self.tags: list[str] = []

    def on_alert(self, run: RunView, alert: Alert) -> None:
        """Keep it."""
        self.seen.append((alert.author, alert.phase))

    def on_checkpoint(self, run: RunView, checkpoint: CheckpointView) -> None:
        """Keep its tags."""
        self.tags += checkpoint.tags


class CountsEpochs(Callback):
    """Counts epochs across attempts."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.epochs = 0

    def on_epoch_end(self, run: RunView) -> None:
        """Count it."""
        self.epochs += 1

    def state_dict(self) -> dict[str, Any]:
        """Return the count."""
        return {"epochs": self.epochs}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the count back."""
        self.epochs = state["epochs"]


class RaisesEverywhere(TraceRecorder):
    """Raises at every event."""

    name = "raises"

    def _see(self, event: Event, run: RunView, _payload: object = None) -> None:
        raise ValueError(f"boom at {event.hook}")
