from __future__ import annotations

import pytest

from lineside.testing import FakeClock


def test_time_passes_only_when_it_is_told_to() -> None:
    clock = FakeClock(unix=1000.0)
    assert (clock.monotonic(), clock.time()) == (0.0, 1000.0)
    assert (clock.monotonic(), clock.time()) == (0.0, 1000.0)
    clock.advance(2.5)
    assert (clock.monotonic(), clock.time()) == (2.5, 1002.5)


def test_sleeping_lets_time_pass() -> None:
    clock = FakeClock()
    clock.sleep(60.0)
    assert clock.monotonic() == 60.0


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
def test_time_does_not_run_backwards(seconds: float) -> None:
    with pytest.raises(ValueError, match="does not go back"):
        FakeClock().advance(seconds)
