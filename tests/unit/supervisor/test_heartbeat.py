from __future__ import annotations

from typing import Any

import pytest

from lineside.store.run_record import RunRecord
from lineside.supervisor.heartbeat import Heartbeat, Seen


class Run:
    """A run as it writes itself every five seconds, on a machine whose clock is far off."""

    def __init__(self, **limits: float) -> None:
        self.now = 50.0
        self.wall = 9_000_000.0
        self.pulse: dict[str, Any] = {"moved": self.wall, "stage": "train", "begun": True, "paused": False}
        self.heartbeat = Heartbeat(**{"stalled_after": 600.0, "silent_after": 60.0, **limits}, clock=lambda: self.now)

    def lives(self, seconds: float, *, moves: bool = True, paused: bool = False) -> list[str]:
        """Let time pass; return what was seen, each state once."""
        states: list[str] = []
        for _ in range(int(seconds / 5)):
            self.now, self.wall = self.now + 5, self.wall + 5
            self.pulse |= {"paused": paused} | ({"moved": self.wall} if moves else {})
            states.append(self.look().state)
        return list(dict.fromkeys(states))

    def is_silent(self, seconds: float) -> list[str]:
        states = []
        for _ in range(int(seconds / 5)):
            self.now += 5
            states.append(self.look().state)
        return list(dict.fromkeys(states))

    def look(self) -> Seen:
        record = RunRecord("run-1", "p", "run", "running", 0.0, self.wall, pulse=dict(self.pulse))
        return self.heartbeat.look(record)


def test_a_run_that_moves_is_well() -> None:
    assert Run().lives(3600) == ["well"]


def test_a_process_that_writes_nothing_is_silent_until_it_writes_again() -> None:
    run = Run()
    run.lives(30)
    assert run.is_silent(55) == ["well"]
    assert run.is_silent(10) == ["silent"]
    assert run.look().seconds == 65.0
    assert run.lives(5) == ["well"]


def test_a_process_that_lives_and_does_not_move_stands_still() -> None:
    run = Run()
    run.lives(30)
    assert run.lives(595, moves=False) == ["well"]
    run.pulse["at"] = ["c10d.py:7 all_reduce", "train.py:3 main"]
    assert run.lives(5, moves=False) == ["still"]
    assert run.look() == Seen("still", 600.0, "train", ("c10d.py:7 all_reduce", "train.py:3 main"))
    assert run.lives(5) == ["well"]


def test_a_pause_is_no_standstill() -> None:
    run = Run()
    assert run.lives(7200, moves=False, paused=True) == ["well"]


def test_the_first_batch_may_take_three_times_as_long() -> None:
    run = Run()
    run.pulse["begun"] = False
    assert run.lives(1795, moves=False) == ["well"]
    assert run.lives(10, moves=False) == ["still"]


def test_what_it_has_come_back_from_once_is_no_stall_the_second_time() -> None:
    run = Run()
    assert run.lives(900, moves=False) == ["well", "still"]
    assert run.lives(5) == ["well"]
    assert run.lives(1795, moves=False) == ["well"]
    assert run.lives(10, moves=False) == ["still"]


def test_nothing_is_concluded_from_a_time_in_which_nobody_looked() -> None:
    run = Run()
    run.lives(30)
    run.now += 4000  # we were stopped ourselves, and the run with us
    assert run.look().state == "well"
    assert run.is_silent(60) == ["well", "silent"]


@pytest.mark.parametrize("pulse", [{}, {"moved": "never", "at": 3}, {"moved": 1e300}])
def test_a_record_of_an_older_lineside_or_of_a_stranger_has_no_pulse_and_is_well(pulse: dict[str, Any]) -> None:
    run = Run()
    run.pulse = pulse
    assert run.look().state == "well"
