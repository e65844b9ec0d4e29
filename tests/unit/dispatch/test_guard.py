from __future__ import annotations

import logging
from collections import deque
from typing import Any

import pytest

from lineside.dispatch.guard import FORCE_RAISE, Bound, Guard, forced_to_raise
from lineside.errors import AttachError, MonitorError, OptionError
from tests.unit.dispatch.toys import Made


class Judge:
    def __init__(self) -> None:
        self.disabled: list[Bound] = []
        self.reports: list[tuple[str, str, Bound]] = []
        self.guard = Guard(self.disabled.append, lambda *report: self.reports.append(report))


@pytest.fixture
def judge() -> Judge:
    return Judge()


def bound(method: str = "on_epoch_end", disable_after: int | None = 3, **options: Any) -> Bound:
    callback = Made("made", **options)
    callback.__dict__["disable_after"] = disable_after
    return Bound(callback, method, lambda run: None)


def test_a_hook_is_named_as_people_write_it() -> None:
    assert str(bound()) == "made.on_epoch_end"


def test_a_failure_is_counted_logged_and_reported_once(judge: Judge, caplog: pytest.LogCaptureFixture) -> None:
    hook = bound()
    for number in range(2):
        judge.guard.failed(hook, ValueError(f"number {number}"))
    assert (hook.failures, hook.streak) == (2, 2)
    assert len(caplog.records) == 1
    assert "made.on_epoch_end raised ValueError: number 0" in caplog.text
    assert caplog.records[0].exc_info is not None
    assert [title for title, _, _ in judge.reports] == ["Callback made.on_epoch_end failed"]
    assert judge.disabled == []


def test_the_third_failure_in_a_row_disables_the_hook(judge: Judge, caplog: pytest.LogCaptureFixture) -> None:
    hook = bound()
    for _ in range(3):
        judge.guard.failed(hook, ValueError("no"))
    assert judge.disabled == [hook]
    assert judge.reports[-1][0] == "Callback made.on_epoch_end is disabled"
    assert "3 failures in a row" in caplog.text


def test_a_success_in_between_starts_the_row_anew(judge: Judge) -> None:
    hook = bound()
    for _ in range(4):
        judge.guard.failed(hook, ValueError("no"))
        hook.streak = 0  # as the dispatcher does after a success
    assert judge.disabled == []
    assert hook.failures == 4


def test_what_is_never_to_be_disabled_is_not(judge: Judge) -> None:
    hook = bound(disable_after=None)
    for _ in range(10):
        judge.guard.failed(hook, ValueError("no"))
    assert judge.disabled == []
    assert len(judge.reports) == 1


@pytest.mark.parametrize("error", [MonitorError("never came"), AttachError("cannot work here")])
def test_some_errors_end_the_run_whatever_the_option_says(judge: Judge, error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        judge.guard.failed(bound(), error)
    assert raised.value is error


def test_on_error_raise_raises_the_original_with_a_note(judge: Judge, caplog: pytest.LogCaptureFixture) -> None:
    error = ValueError("no")
    with pytest.raises(ValueError, match="no") as raised:
        judge.guard.failed(bound(on_error="raise"), error)
    assert raised.value is error
    assert error.__notes__ == ["raised by the callback made.on_epoch_end"]
    assert caplog.records == []


def test_what_takes_part_in_collectives_always_raises(judge: Judge) -> None:
    hook = bound()
    hook.callback.collective = True
    with pytest.raises(ValueError, match="no"):
        judge.guard.failed(hook, ValueError("no"))


def test_at_the_end_of_a_run_errors_wait_until_everybody_has_seen_it(judge: Judge) -> None:
    judge.guard.postponed = deque()
    error = MonitorError("never came")
    judge.guard.failed(bound(on_error="raise"), error)
    assert list(judge.guard.postponed) == [error]


def test_the_environment_turns_isolation_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not forced_to_raise()
    monkeypatch.setenv(FORCE_RAISE, "raise")
    assert forced_to_raise()
    with pytest.raises(ValueError, match="no"):
        Judge().guard.failed(bound(), ValueError("no"))
    monkeypatch.setenv(FORCE_RAISE, "isolate")
    assert not forced_to_raise()


def test_a_misspelt_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FORCE_RAISE, "yes")
    with pytest.raises(OptionError, match="LINESIDE_ON_ERROR='yes': use raise or isolate"):
        Judge()


def test_isolation_is_logged_as_an_error(judge: Judge, caplog: pytest.LogCaptureFixture) -> None:
    judge.guard.failed(bound(), ValueError("no"))
    assert caplog.records[0].levelno == logging.ERROR
