"""A callback that fails costs nobody anything, unless it says that it should."""

from __future__ import annotations

from typing import Any

import pytest

from lineside.errors import (
    AttachError,
    MonitorError,
)
from lineside.run import Run
from lineside.store import RunReader
from tests.unit.run.toys import (
    EVENTS,
    Made,
    MakeRun,
    RaisesAlways,
    Trace,
    ask,
    events,
    status,
    train,
)

boom = ValueError("boom")


def fail(*_: Any) -> None:
    raise boom


def test_one_that_raises_at_every_event_costs_the_others_nothing(make_run: MakeRun) -> None:
    with make_run(alone := Trace(name="alone")) as undisturbed:
        train(undisturbed, epochs=3)
    before, after = Trace(name="before"), Trace(name="after")
    with make_run(before, RaisesAlways(), after) as run:
        train(run, epochs=3)
    without_alerts = [hook for hook in after.seen if hook != "on_alert"]
    assert without_alerts == alone.seen
    assert before.seen == after.seen
    assert run.history == undisturbed.history
    assert run.reason == undisturbed.reason
    assert status(run) == "completed"


def test_each_of_its_hooks_is_called_three_times_and_no_more(make_run: MakeRun) -> None:
    with make_run(bad := RaisesAlways()) as run:
        train(run, epochs=5)
    often = {hook: bad.seen.count(hook) for hook in {event.hook for event in EVENTS}}
    assert {hook for hook, count in often.items() if count > 3} == set()
    assert often["on_batch_end"] == 3
    assert often["on_setup"] == 1
    cost = next(cost for cost in run.dispatcher.costs(1.0) if cost.name == bad.name)
    assert cost.failures == len(bad.seen)
    assert "on_batch_end" in cost.disabled
    assert "on_setup" not in cost.disabled
    assert run.summary is not None
    assert f"raises-always failed {cost.failures} times" in run.summary


def test_people_are_told_once_per_hook_and_once_more_when_it_is_disabled(make_run: MakeRun) -> None:
    titles: list[str] = []
    spy = Made("spy", on_alert=lambda run, alert: titles.append(f"{alert.author}: {alert.title}"))
    with make_run(Made("bad", on_batch_end=fail), spy) as run:
        train(run, epochs=5)
    expected = ["bad: Callback bad.on_batch_end failed", "bad: Callback bad.on_batch_end is disabled"]
    assert titles == expected
    assert [f"{data['author']}: {data['title']}" for data in events(run, "alert")] == expected


def test_the_log_has_one_traceback_per_hook(make_run: MakeRun, caplog: pytest.LogCaptureFixture) -> None:
    with make_run(Made("bad", on_batch_end=fail, on_epoch_end=fail)) as run:
        train(run, epochs=5)
    assert len([record for record in caplog.records if record.exc_info]) == 2


def test_a_hook_that_fails_now_and_then_stays(make_run: MakeRun) -> None:
    calls: list[int] = []

    def sometimes(run: Run) -> None:
        calls.append(run.step)
        if run.step % 3:
            raise boom

    with make_run(Made("moody", on_batch_end=sometimes)) as run:
        train(run, epochs=6)
    assert calls == list(range(1, 13))


def test_raise_ends_the_run_with_the_original_through_exception_and_teardown(make_run: MakeRun) -> None:
    seen: list[Any] = []
    spy = Made("spy", on_exception=lambda run, error: seen.append(error))
    with (
        pytest.raises(ValueError, match="boom") as raised,
        make_run(trace := Trace(), spy, Made("strict", on_epoch_end=fail, on_error="raise")) as run,
    ):
        train(run)
    assert raised.value is boom
    assert "raised by the callback strict.on_epoch_end" in boom.__notes__
    assert seen == [boom]
    assert trace.seen[-2:] == ["on_exception", "on_teardown"]
    assert trace.seen.count("on_epoch_end") == 1
    assert status(run) == "failed"
    assert run.reason == "ValueError: boom"
    with RunReader.open(run.dir) as reader:
        (recorded,) = reader.events("exception")
    assert recorded.data["error"] == "ValueError: boom"
    assert "raised by the callback strict.on_epoch_end" in recorded.data["traceback"]


@pytest.mark.parametrize("hook", ["on_setup", "on_train_start", "on_batch_start", "on_val_batch_end", "on_train_end"])
def test_raise_ends_the_run_wherever_it_happens(make_run: MakeRun, hook: str) -> None:
    trace = Trace()
    strict = Made("strict", on_error="raise", **{hook: fail})
    with pytest.raises(ValueError, match="boom") as raised, make_run(trace, strict) as run:
        train(run)
    assert raised.value is boom
    assert trace.seen[-2:] == ["on_exception", "on_teardown"]


@pytest.mark.parametrize("hook", ["on_exception", "on_teardown"])
def test_a_second_error_does_not_hide_the_first(make_run: MakeRun, hook: str) -> None:
    def oops(run: Run, value: float) -> None:
        raise ZeroDivisionError("the first")

    last = Trace(name="last")
    with pytest.raises(ZeroDivisionError), make_run(Made("strict", on_error="raise", **{hook: fail}), last) as run:
        train(run, do=oops)
    assert last.seen[-2:] == ["on_exception", "on_teardown"]
    assert run.reason == "ZeroDivisionError: the first"


def test_an_error_at_the_very_end_is_raised_when_everybody_has_seen_it(make_run: MakeRun) -> None:
    strict, last = Made("strict", on_teardown=fail, on_error="raise"), Trace(name="last")
    with pytest.raises(ValueError, match="boom") as raised, make_run(strict, last) as run:
        train(run)
    assert raised.value is boom
    assert last.seen[-1] == "on_teardown"
    assert status(run) == "failed"


@pytest.mark.parametrize("error", [MonitorError("never came"), AttachError("cannot work here")])
@pytest.mark.parametrize("background", [False, True])
def test_some_errors_end_the_run_whatever_the_option_says(
    make_run: MakeRun, error: Exception, background: bool
) -> None:
    def hook(run: Any) -> None:
        raise error

    watcher = Made("watcher", on_train_start=hook, on_error="isolate", background=background)
    with pytest.raises(type(error)) as raised, make_run(watcher, trace := Trace()) as run:
        train(run)
    assert raised.value is error
    assert trace.seen[-1] == "on_teardown"
    assert status(run) == "failed"


def test_an_error_of_the_background_ends_the_run_even_behind_the_last_safe_point(make_run: MakeRun) -> None:
    strict = Made("strict", on_teardown=fail, on_error="raise", background=True)
    with pytest.raises(ValueError, match="boom"), make_run(strict) as run:
        train(run)
    assert status(run) == "failed"


def test_the_environment_turns_isolation_off(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_ON_ERROR", "raise")
    with pytest.raises(ValueError, match="boom"), make_run(Made("bad", on_epoch_end=fail)) as run:
        train(run)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(7)])
def test_what_is_not_an_exception_is_never_isolated(make_run: MakeRun, error: BaseException) -> None:
    def hook(run: Any) -> None:
        raise error

    with pytest.raises(type(error)) as raised, make_run(Made("bad", on_epoch_end=hook), trace := Trace()) as run:
        train(run)
    assert raised.value is error
    assert trace.seen[-2:] == ["on_exception", "on_teardown"]
    assert status(run) == "failed"


def test_an_on_alert_that_fails_does_not_go_on_for_ever(make_run: MakeRun) -> None:
    calls: list[str] = []

    def bad(run: Any, alert: Any) -> None:
        calls.append(alert.title)
        raise boom

    with make_run(
        Made("bad", on_alert=bad), ask("asks", "on_batch_end", lambda run: run.alert("fire"), once=False)
    ) as run:
        train(run, epochs=4)
    assert calls == ["fire"] * 3
    assert [data["title"] for data in events(run, "alert")] == ["fire"] * 8


def test_an_on_alert_that_raises_alerts_does_not_go_on_for_ever(make_run: MakeRun) -> None:
    calls: list[str] = []

    def answer(run: Any, alert: Any) -> None:
        calls.append(alert.title)
        run.alert(f"re: {alert.title}"[:20])

    with make_run(Made("talker", on_alert=answer), ask("asks", "on_epoch_start", lambda run: run.alert("fire"))) as run:
        train(run, epochs=3)
    assert calls[0] == "fire"
    assert len(calls) < 100


def test_alerts_are_shown_when_the_event_is_over(make_run: MakeRun) -> None:
    asks = ask("asks", "on_batch_end", lambda run: run.alert("fire", "in the hold", "error", durable=True))
    seen: list[Any] = []
    spy = Made("spy", on_alert=lambda run, alert: seen.append(alert))
    with make_run(asks, spy, trace := Trace()) as run:
        train(run, epochs=1)
    at = trace.seen.index("on_alert")
    assert trace.seen[at - 1] == "on_batch_end"
    assert trace.seen[at + 1] == "on_batch_start"
    (alert,) = seen
    assert (alert.title, alert.text, alert.level, alert.author, alert.durable) == (
        *("fire", "in the hold", "error", "asks"),
        True,
    )


def test_a_state_that_cannot_be_loaded_is_isolated_too(make_run: MakeRun, caplog: pytest.LogCaptureFixture) -> None:
    class Changed(Trace):
        def load_state_dict(self, state: Any) -> None:
            raise KeyError("a field of the new version")

    saves = ask("saves", "on_epoch_end", lambda run: run.save())
    with pytest.raises(ZeroDivisionError), make_run(Trace(name="it"), saves) as run:
        train(run, epochs=2, do_in_validation=lambda run, value: 1 / (1 - run.epoch))
    with make_run(Changed(name="it"), resume="auto") as run:
        train(run, epochs=2)
    assert "it.load_state_dict raised KeyError" in caplog.text
    with pytest.raises(KeyError), make_run(Changed(name="it", on_error="raise"), resume=run.dir) as run:
        train(run, epochs=3)


def test_nothing_follows_on_teardown_and_its_failures_are_recorded(make_run: MakeRun) -> None:
    with make_run(trace := Trace(), Made("bad", on_teardown=fail, on_train_end=fail)) as run:
        train(run)
    assert trace.seen[-3:] == ["on_train_end", "on_alert", "on_teardown"]
    assert [data["title"] for data in events(run, "alert")] == [
        "Callback bad.on_train_end failed",
        "Callback bad.on_teardown failed",
    ]
