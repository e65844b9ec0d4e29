from __future__ import annotations

import signal

import pytest

from lineside.supervisor.backoff import Backoff
from lineside.supervisor.ending import Ending


@pytest.mark.parametrize(
    ("ending", "status", "final"),
    [
        (Ending(0), None, True),
        (Ending(1), None, False),
        (Ending(1), "failed", False),
        (Ending(1), "completed", True),  # what came behind the training failed; it would be trained anew
        (Ending(75), "interrupted", False),
        (Ending(2), None, True),
        (Ending(127), None, True),
        (Ending(128 + signal.SIGKILL), "running", False),
        (Ending(128 + signal.SIGSEGV), "running", False),
        (Ending(128 + signal.SIGTERM), "interrupted", True),
        (Ending(128 + signal.SIGINT), "interrupted", True),
        (Ending(128 + signal.SIGHUP), None, True),
        (Ending(128 + signal.SIGTERM, stalled=True), "interrupted", False),
        (Ending(0, stalled=True), None, False),
        (Ending(143), "stopped", True),
    ],
)
def test_what_would_end_alike_or_was_meant_to_end_is_final(ending: Ending, status: str | None, final: bool) -> None:
    assert ending.final(status) is final


@pytest.mark.parametrize(
    ("ending", "sentence"),
    [
        (Ending(3), "exit code 3"),
        (Ending(255), "exit code 255"),
        (Ending(137), "killed by SIGKILL"),
        (Ending(137, out_of_memory=True), "killed by SIGKILL: memory ran out"),
        (Ending(139), "killed by SIGSEGV"),
        (Ending(75), "it interrupted itself, to be resumed (exit code 75)"),
        (Ending(143, stalled=True), "it had stalled, and was ended"),
        (Ending(1, seen=False), "its process is gone"),
        (Ending(127, refusal="No such file or directory"), "it cannot be started: No such file or directory"),
    ],
)
def test_it_says_how_it_ended(ending: Ending, sentence: str) -> None:
    assert ending.sentence() == sentence


def test_it_says_so_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    assert Ending(137, out_of_memory=True).sentence() == "被 SIGKILL 终止：内存耗尽"


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        ("completed", None, 0),
        ("stopped", "enough", 0),
        ("failed", "ValueError: x", 1),
        ("running", None, 1),
        ("interrupted", "interrupted: time is up", 75),
        ("interrupted", "interrupted by SIGTERM", 143),
    ],
)
def test_of_a_stranger_the_run_tells(status: str, reason: str | None, code: int) -> None:
    assert Ending.of_run(status, reason) == Ending(code, seen=False)


def test_each_death_waits_twice_as_long_until_an_attempt_has_lived_for_a_while() -> None:
    backoff = Backoff()
    assert [backoff.after(5.0) for _ in range(4)] == [1.0, 2.0, 4.0, 8.0]
    assert backoff.after(600.0) == 1.0
    assert [backoff.after(0.0) for _ in range(2000)][-1] == 300.0
