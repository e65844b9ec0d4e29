"""The suite of all callbacks, on those that watch over a training: gradients, spikes of the loss, the job's time."""

from __future__ import annotations

from typing import Any

from lineside.callbacks.gradient_watch import GradientWatch
from lineside.callbacks.loss_spike_guard import LossSpikeGuard
from lineside.callbacks.time_limit import TimeLimit
from lineside.testing import CallbackContract


class TestGradientWatch(CallbackContract):
    def make(self, **options: Any) -> GradientWatch:
        return GradientWatch("1 step", **options)


class TestGradientWatchOfTheTotal(CallbackContract):
    def make(self, **options: Any) -> GradientWatch:
        return GradientWatch("5 steps", per_layer=False, update_ratio=False, exploding=None, vanishing=None, **options)


class TestLossSpikeGuard(CallbackContract):
    inline_only = True

    def make(self, **options: Any) -> LossSpikeGuard:
        return LossSpikeGuard(check_every="1 step", every="3 steps", **options)


class TestLossSpikeGuardThatLowersTheRate(CallbackContract):
    inline_only = True

    def make(self, **options: Any) -> LossSpikeGuard:
        return LossSpikeGuard(check_every="2 steps", every="1 epoch", action="lower_lr", max_rollbacks=1, **options)


class NoTimer:
    """Waits for ever, without a thread."""

    daemon = False

    def __init__(self, *_: Any) -> None:
        """Take what a timer takes."""

    def start(self) -> None:
        """Wait."""

    def cancel(self) -> None:
        """Wait no longer."""


class TestTimeLimit(CallbackContract):
    def make(self, **options: Any) -> TimeLimit:
        return TimeLimit("1 h", timer=NoTimer, **options)
