from __future__ import annotations

from pathlib import Path

import pytest

from lineside.outbox.limits import Limits
from lineside.outbox.outbox import Draft, Outbox


class Clock:
    """Two clocks that a test turns: monotonic seconds, and seconds since 1970."""

    def __init__(self) -> None:
        self.now, self.wall = 100.0, 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def record(tmp_path: Path, clock: Clock):
    """Record deliveries: a title, or several, for a destination."""

    def record_some(*titles: str, to: str = "$A", kind: str = "alert", limits: Limits | None = None, **options):
        outbox = Outbox(tmp_path, limits, lambda: clock.wall)
        return outbox.record([Draft(kind, to, {"title": title}, title, **options) for title in titles])

    return record_some
