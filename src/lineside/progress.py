"""Where a run is: the counters that callbacks read, and the position from which a resumed run goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal

Phase = Literal["fresh", "train", "trained", "done"]
"""Where in its epoch a run is: not begun, among its batches, between batches and validation, or over."""

_SAVED = ("epoch", "step", "position", "epochs_done", "batches_done", "samples", "phase")


@dataclass(slots=True)
class Progress:
    """The counters of a run.

    Attributes:
        epoch: the current epoch, from 0.
        step: optimizer steps since the start of training, across attempts.
        position: micro-batches of this epoch that are over; a resumed run skips as many.
        elapsed_before: seconds of training until the clock was last started.
        running_since: what the clock showed then; None while it is stopped.
    """

    epoch: int = 0
    step: int = 0
    position: int = 0
    epochs_done: int = 0
    batches_done: int = 0
    samples: int = 0
    phase: Phase = "fresh"
    total_epochs: int | None = None
    total_steps: int | None = None
    clock: Callable[[], float] = monotonic
    elapsed_before: float = 0.0
    running_since: float | None = field(default=None)
    _opened: float | None = field(default=None)
    _stopped: float | None = field(default=None)
    _paused: float = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds of training, across attempts, without pauses."""
        return (
            self.elapsed_before
            if self.running_since is None
            else self.elapsed_before + self.clock() - self.running_since
        )

    @property
    def wall(self) -> float:
        """Seconds since this attempt was opened, without pauses; setting up and the end belong to it."""
        return 0.0 if self._opened is None else self.clock() - self._opened - self._paused

    def open_clock(self) -> None:
        """Count the time of this attempt from now on."""
        self._opened = self.clock()

    def start_clock(self) -> None:
        """Count time of training from now on."""
        if self.running_since is None:
            self.running_since = self.clock()
            self._paused += 0.0 if self._stopped is None else self.running_since - self._stopped

    def stop_clock(self) -> None:
        """Stop counting time of training: a pause, or the end."""
        if self.running_since is not None:
            self.elapsed_before, self.running_since, self._stopped = self.elapsed, None, self.clock()

    def summary(self) -> dict[str, int | None]:
        """Return what the run's record says of it."""
        return {
            "epoch": self.epoch,
            "total_epochs": self.total_epochs,
            "step": self.step,
            "total_steps": self.total_steps,
        }

    def state_dict(self) -> dict[str, Any]:
        """Return all that a resumed run needs, as plain data."""
        return {name: getattr(self, name) for name in _SAVED} | {"elapsed": self.elapsed}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned. An epoch that was over is followed by the next one."""
        for name in _SAVED:
            setattr(self, name, state[name])
        self.elapsed_before = float(state["elapsed"])
        if self.phase == "done":
            self.epoch, self.position, self.phase = self.epoch + 1, 0, "fresh"
