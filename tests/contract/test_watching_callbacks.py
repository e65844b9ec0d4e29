"""Callbacks that watch the machine and the operators, with options under which they have something to do."""

from __future__ import annotations

from typing import Any

from lineside.callbacks.profile_steps import ProfileSteps
from lineside.callbacks.resource_monitor import ResourceMonitor
from lineside.testing import CallbackContract, FakeRun


class TestProfileSteps(CallbackContract):
    inline_only = True
    alone = True

    def make(self, **options: Any) -> ProfileSteps:
        return ProfileSteps("2-5, 9-11, 40", warmup=1, **options)

    def effects(self, run: FakeRun) -> list[Any]:
        # Events that a kill took with it are lost; what a resumed run records of their steps has a test of its own.
        return [effect for effect in super().effects(run) if not effect.startswith(('["text"', '["artifact"'))]


class TestResourceMonitor(CallbackContract):
    def make(self, **options: Any) -> ResourceMonitor:
        return ResourceMonitor("1 h", gpu=False, **options)
