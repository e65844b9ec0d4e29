"""Callbacks that end a training."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lineside.callback import Callback
from lineside.callbacks.time_limit import TimeLimit
from lineside.checkpoints.checkpoint import Checkpoint
from lineside.events import Event
from lineside.ports import RunView
from lineside.testing.catalogue.proof import STEPS, Proof, TriedHost
from lineside.testing.catalogue.witness import WATCHED, apart
from lineside.testing.requiring import require
from lineside.testing.toy import BATCHES
from lineside.testing.toy_callbacks import Asks


class StopsEarly(Proof):
    """Two values without an improvement behind the first end the training with the third of four epochs."""

    name = "early-stopping"
    shows = "ends the training behind the epoch in which its patience is over"
    options: Mapping[str, Any] = {"monitor": WATCHED, "mode": "min", "patience": 2}
    scores = (0.5, 0.6, 0.7, 0.1)

    def check(self) -> None:
        """Look where it ended."""
        self.steps(3 * BATCHES)
        require(sorted(self.witness.metrics) == [0, 1, 2], f"Epochs: {sorted(self.witness.metrics)}")
        require("watched" in (self.witness.reason or ""), f"It ended because {self.witness.reason}.")


class RestoresTheBest(StopsEarly):
    """As above, and the weights of the first epoch's validation are there again at the end."""

    variant = "restore_best_weights=True"
    shows = "ends the training there, and puts the weights of the best validation back"
    options: Mapping[str, Any] = {**StopsEarly.options, "restore_best_weights": True}
    weights = True

    def check(self) -> None:
        """Look at the weights as well."""
        super().check()
        far = apart(self.witness.ended, self.witness.validating[0])
        require(far <= 1e-6, f"The weights at the end are {far:g} apart from the best ones.")
        require(apart(self.witness.ended, self.witness.after[3 * BATCHES]) > 1e-6, "Nothing was put back.")


class EndsAtNaN(Proof):
    """A loss that is no number ends the training with that batch, in the middle of an epoch."""

    name = "terminate-on-nan"
    shows = "ends the training with the batch whose loss is no number"
    losses: Mapping[int, float] = {2 * BATCHES + 3: float("nan")}

    def check(self) -> None:
        """Look where it ended."""
        self.steps(2 * BATCHES + 3)
        require("nan" in (self.witness.reason or ""), f"It ended because {self.witness.reason}.")


class LeavesInTime(Proof):
    """Shortly before its time is up, a job saves and leaves; the next one goes on to the end."""

    name = "time-limit"
    shows = "saves and leaves with code 75 before the time is up; the next job goes on to the end"
    leaves_with = 75

    def __init__(self, host: TriedHost, place: Path) -> None:
        super().__init__(host, place)
        self._now = 0.0
        self._timer = HandTimer()

    def make(self, **options: Any) -> Callback:
        """Return one whose clock stands still, and whose timer is rung by hand."""
        self._now = 0.0
        return TimeLimit(1000.0, reserve=10.0, slurm=False, clock=lambda: self._now, timer=self._timer, **options)

    def helpers(self) -> list[Callback]:
        """Return what saves, as somebody must where no epoch is entered in its middle, and what rings."""
        return [*self.saves(), Asks(self._ring, Event.BATCH_END, epoch=2, batch=1, name="rings")]

    def _ring(self, run: RunView) -> None:
        if run.attempt == 1:
            self._timer.wait()
            self._now = 995.0
            self._timer.ring()

    def cut(self) -> list[Callback]:
        """Return nothing: it is cut by what is tried."""
        return []

    def check(self) -> None:
        """Look where it was left, or for the end, if it was resumed."""
        if sorted(self.witness.metrics) == [0, 1, 2, 3]:
            self.steps(STEPS)
            return
        left = 2 * BATCHES + 2
        self.steps(left)
        saved = Checkpoint.open(self.witness.checkpoints[-1].path)
        saved.verify()
        require(saved.step == left, f"The last checkpoint is of step {saved.step}, not {left}.")
        require(any("995" in one.text or "5 s" in one.text for one in self.witness.alerts), "There was no alert.")


class HandTimer:
    """A `threading.Timer` that is rung by hand; the newest one is."""

    def __init__(self) -> None:
        self.daemon = False
        self._armed = threading.Event()
        self._call: Callable[[], None] = lambda: None

    def __call__(self, _seconds: float, function: Callable[..., None], arguments: Sequence[Any]) -> HandTimer:
        """Take a function that is to be called."""
        self._call = lambda: function(*arguments)
        return self

    def start(self) -> None:
        """Be ready to ring."""
        self._armed.set()

    def cancel(self) -> None:
        """Not now."""
        self._armed.clear()

    def wait(self) -> None:
        """Wait until it is started, which happens on another thread."""
        require(self._armed.wait(30.0), "The timer was never started.")

    def ring(self) -> None:
        """The time is over."""
        self._call()
