from __future__ import annotations

import itertools
import threading
import time
from typing import Any

import pytest

from lineside.dispatch import dispatcher as module
from lineside.dispatch.items import RecordsItem
from lineside.errors import MonitorError
from lineside.events import Event
from lineside.sink import Medium, Sink
from lineside.units import Duration
from tests.unit.dispatch.toys import Made, Stage, failing


class Ticks:
    """A clock that a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0
        monkeypatch.setattr(module, "perf_counter_ns", lambda: self.now)

    def take(self, nanoseconds: int) -> Any:
        def hook(_: Any) -> None:
            self.now += nanoseconds

        return hook


# ---- who is called ---------------------------------------------------------------------------------------------------


def test_an_event_that_nobody_wants_has_no_chain() -> None:
    stage = Stage(Made(on_epoch_end=lambda run: None))
    assert stage.dispatcher.chain(Event.BATCH_END) is None
    stage.emit(Event.BATCH_END)
    assert stage.dispatcher.costs(1.0)[0].calls == 0


def test_callbacks_are_called_in_the_order_of_the_list() -> None:
    seen: list[str] = []
    stage = Stage(*(Made(name, on_epoch_end=lambda run, name=name: seen.append(name)) for name in "cab"))
    stage.emit(Event.EPOCH_END)
    assert seen == ["c", "a", "b"]


def test_an_inline_hook_gets_the_live_run() -> None:
    seen: list[Any] = []
    stage = Stage(Made(on_epoch_end=seen.append))
    stage.emit(Event.EPOCH_END)
    assert seen == [stage.run]
    assert stage.frozen == 0


def test_what_an_event_carries_comes_second() -> None:
    seen: list[Any] = []
    stage = Stage(
        Made("inline", on_alert=lambda run, alert: seen.append(alert)),
        Made("beside", on_alert=lambda run, alert: seen.append(alert), background=True),
    )
    stage.emit(Event.ALERT, "fire")
    stage.run_lanes()
    assert seen == ["fire", "fire"]
    assert stage.dispatcher.payload is None


def test_who_is_being_called_is_known_while_it_is_called() -> None:
    seen: list[str] = []
    first = Made("first", on_epoch_end=lambda run: seen.append(str(stage.dispatcher.current)))
    stage = Stage(first)
    stage.emit(Event.EPOCH_END)
    assert seen == ["first.on_epoch_end"]
    assert stage.dispatcher.current is None


def test_a_hook_may_show_another_event() -> None:
    seen: list[str] = []

    def outer(run: Any) -> None:
        stage.emit(Event.ALERT, "fire")
        seen.append(str(stage.dispatcher.current))

    stage = Stage(Made("outer", on_epoch_end=outer), Made("inner", on_alert=lambda run, alert: seen.append(alert)))
    stage.emit(Event.EPOCH_END)
    assert seen == ["fire", "outer.on_epoch_end"]


# ---- failure ---------------------------------------------------------------------------------------------------------


def test_one_that_raises_costs_the_others_nothing() -> None:
    seen: list[str] = []
    stage = Stage(
        Made("before", on_batch_end=lambda run: seen.append("before")),
        Made("bad", on_batch_end=failing(ValueError("no"))),
        Made("after", on_batch_end=lambda run: seen.append("after")),
    )
    stage.emit(Event.BATCH_END, times=5)
    assert seen == ["before", "after"] * 5
    bad = next(cost for cost in stage.dispatcher.costs(1.0) if cost.name == "bad")
    assert (bad.calls, bad.failures, bad.disabled) == (3, 3, ("on_batch_end",))
    assert [hook.method for _, _, hook in stage.reports] == ["on_batch_end", "on_batch_end"]


def test_only_the_hook_that_fails_is_disabled() -> None:
    seen: list[str] = []
    bad = Made("bad", on_batch_end=failing(ValueError("no")), on_epoch_end=lambda run: seen.append("epoch"))
    stage = Stage(bad)
    stage.emit(Event.BATCH_END, times=5)
    stage.emit(Event.EPOCH_END)
    assert seen == ["epoch"]


def test_failures_with_a_success_between_them_disable_nothing() -> None:
    turns = itertools.cycle([ValueError("no"), ValueError("no"), None])

    def hook(run: Any) -> None:
        error = next(turns)
        if error is not None:
            raise error

    stage = Stage(Made(on_batch_end=hook))
    stage.emit(Event.BATCH_END, times=30)
    assert stage.dispatcher.costs(1.0)[0].failures == 20
    assert stage.dispatcher.costs(1.0)[0].calls == 30


def test_a_hook_that_always_fails_when_it_is_due_is_disabled() -> None:
    stage = Stage(Made(on_batch_end=failing(ValueError("no")), every={"on_batch_end": Duration(10, "steps")}))
    for stage.run.step in range(100):
        stage.emit(Event.BATCH_END)
    assert stage.dispatcher.costs(1.0)[0].disabled == ("on_batch_end",)
    assert stage.dispatcher.costs(1.0)[0].calls == 3


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), MonitorError("never came")])
def test_what_is_never_isolated_leaves_nobody_on_stage(error: BaseException) -> None:
    stage = Stage(Made(on_batch_end=failing(error)))
    with pytest.raises(type(error)) as raised:
        stage.emit(Event.BATCH_END)
    assert raised.value is error
    assert stage.dispatcher.current is None


def test_an_error_leaves_no_payload_behind() -> None:
    stage = Stage(Made(on_alert=failing(ValueError("no")), on_error="raise"))
    with pytest.raises(ValueError, match="no"):
        stage.emit(Event.ALERT, "fire")
    assert stage.dispatcher.payload is None


def test_at_the_end_everybody_sees_the_event_and_the_error_waits() -> None:
    seen: list[str] = []
    stage = Stage(
        Made("strict", on_teardown=failing(ValueError("no")), on_error="raise"),
        Made("last", on_teardown=lambda run: seen.append("last")),
    )
    stage.dispatcher.end()
    stage.emit(Event.TEARDOWN)
    assert seen == ["last"]
    assert [str(error) for error in stage.dispatcher.fatal] == ["no"]


# ---- how often -------------------------------------------------------------------------------------------------------


def test_a_hook_with_a_duration_is_called_once_per_multiple() -> None:
    seen: list[int] = []
    stage = Stage(
        Made(on_batch_end=lambda run: seen.append(run.step), every={"on_batch_end": Duration(3, "steps")}),
        Made("beside", on_batch_end=lambda run: seen.append(-run.step), every={"on_batch_end": Duration(5, "steps")},
             background=True),
    )  # fmt: skip
    for stage.run.step in range(1, 12):
        stage.emit(Event.BATCH_END)
    stage.run_lanes()
    assert seen == [3, 6, 9, -5, -10]
    assert stage.frozen == 2


def test_a_hook_that_is_not_due_is_not_a_call() -> None:
    stage = Stage(Made(on_batch_end=lambda run: None, every={"on_batch_end": Duration(4, "steps")}))
    for stage.run.step in range(1, 9):
        stage.emit(Event.BATCH_END)
    assert stage.dispatcher.costs(1.0)[0].calls == 2


def test_an_event_that_carries_something_may_have_a_duration_too() -> None:
    seen: list[tuple[int, str]] = []
    stage = Stage(
        Made(
            on_checkpoint=lambda run, checkpoint: seen.append((run.epochs_done, checkpoint)),
            every={"on_checkpoint": Duration(2, "epochs")},
        )
    )
    for stage.run.epochs_done in range(1, 6):
        stage.emit(Event.CHECKPOINT, "checkpoint")
    assert seen == [(2, "checkpoint"), (4, "checkpoint")]


def often(steps: int, seen: list[int], name: str = "often") -> Made:
    return Made(name, on_batch_end=lambda run: seen.append(run.step), every={"on_batch_end": Duration(steps, "steps")})


def go(stage: Stage, start: int, end: int) -> None:
    for stage.run.step in range(start, end + 1):
        stage.emit(Event.BATCH_END)


def test_a_resumed_run_fires_where_the_uninterrupted_one_does() -> None:
    seen: list[int] = []
    first = Stage(often(4, seen))
    go(first, 1, 10)
    second = Stage(often(4, seen))
    second.run.step = 10
    second.dispatcher.load_triggers(first.dispatcher.triggers())
    go(second, 10, 17)
    assert seen == [4, 8, 12, 16]


def test_a_hook_that_is_new_or_has_another_duration_counts_from_where_it_joins() -> None:
    seen: list[int] = []
    first = Stage(often(4, []))
    go(first, 1, 10)
    for second, expected in ((Stage(often(3, seen)), [12, 15]), (Stage(often(3, seen, "new")), [12, 15])):
        seen.clear()
        second.run.step = 10
        second.dispatcher.load_triggers(first.dispatcher.triggers())
        go(second, 10, 17)
        assert seen == expected


# ---- the background --------------------------------------------------------------------------------------------------


def test_background_hooks_share_one_snapshot_taken_behind_the_inline_ones() -> None:
    seen: list[Any] = []

    def inline(run: Any) -> None:
        run.step = 99

    stage = Stage(
        Made("a", on_epoch_end=lambda run: seen.append(run.step), background=True),
        Made("inline", on_epoch_end=inline),
        Made("b", on_epoch_end=lambda run: seen.append(run.step), background=True),
    )
    stage.emit(Event.EPOCH_END)
    assert stage.frozen == 1
    assert seen == []
    stage.run_lanes()
    assert seen == [99, 99]


def test_batch_events_may_be_dropped_and_others_are_not() -> None:
    seen: list[str] = []
    made = Made(
        on_batch_end=lambda run: seen.append("batch"), on_epoch_end=lambda run: seen.append("epoch"), background=True
    )
    stage = Stage(made)
    stage.emit(Event.BATCH_END, times=1500)
    stage.emit(Event.EPOCH_END, times=3)
    stage.emit(Event.BATCH_END)
    stage.run_lanes()
    assert seen == ["batch"] * 1000 + ["epoch"] * 3
    assert stage.dispatcher.costs(1.0)[0].dropped == 501


def test_what_was_logged_before_an_event_goes_before_it() -> None:
    order: list[str] = []
    stage = Stage(Made(on_epoch_end=lambda run: None, on_batch_end=lambda run: None, background=True))
    stage.dispatcher.flush = lambda: order.append("flushed")
    stage.emit(Event.EPOCH_END)
    assert order == ["flushed"]
    stage.emit(Event.BATCH_END)
    assert order == ["flushed"]


def test_an_error_that_must_end_the_run_waits_for_the_training_thread() -> None:
    stage = Stage(Made(on_epoch_end=failing(MonitorError("never came")), background=True))
    stage.emit(Event.EPOCH_END)
    stage.run_lanes()
    assert [type(error) for error in stage.dispatcher.fatal] == [MonitorError]


def test_closing_returns_those_that_did_not_finish() -> None:
    release, entered = threading.Event(), threading.Event()

    def hang(run: Any) -> None:
        entered.set()
        release.wait()

    stage = Stage(
        Made("hung", on_epoch_end=hang, background=True, close_timeout=0.05),
        Made("quick", on_epoch_end=lambda run: None, background=True),
    )
    stage.dispatcher.start()
    stage.emit(Event.EPOCH_END)
    assert entered.wait(10)
    late = stage.dispatcher.close(time.monotonic)
    release.set()
    assert late == ["hung"]


# ---- what it costs ---------------------------------------------------------------------------------------------------


def test_each_hook_is_charged_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = Ticks(monkeypatch)
    stage = Stage(
        Made("quick", on_batch_end=ticks.take(1_000)),
        Made("slow", on_batch_end=ticks.take(1_000_000), on_epoch_end=ticks.take(2_000_000)),
    )
    stage.emit(Event.BATCH_END, times=8)
    stage.emit(Event.EPOCH_END)
    slow, quick = stage.dispatcher.costs(elapsed=0.1)
    assert (slow.name, slow.calls, slow.total) == ("slow", 9, 0.01)
    assert slow.share == pytest.approx(0.1)
    assert (quick.calls, quick.total) == (8, 8e-6)


def test_the_time_of_a_hook_that_raises_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = Ticks(monkeypatch)

    def hook(run: Any) -> None:
        ticks.now += 500
        raise ValueError("no")

    stage = Stage(Made(on_batch_end=hook))
    stage.emit(Event.BATCH_END)
    assert stage.dispatcher.costs(1.0)[0].total == 500e-9


def test_the_costliest_callback_comes_first() -> None:
    stage = Stage(Made("a", on_epoch_end=lambda run: None), Made("b", on_epoch_end=lambda run: sum(range(20_000))))
    stage.emit(Event.EPOCH_END, times=20)
    assert [cost.name for cost in stage.dispatcher.costs(1.0)] == ["b", "a"]


def test_writing_is_part_of_what_a_sink_costs() -> None:
    class Writes(Sink):
        def write(self, records: Any, run: Any) -> None:
            pass

    stage = Stage(Writes())
    stage.emit(Event.SETUP)
    background = stage.dispatcher.background["writes"]
    background.lane.put(RecordsItem((), [Medium("text", "note", "hello", 1, 0, 2.0)], list))
    stage.run_lanes()
    cost = stage.dispatcher.costs(1.0)[0]
    assert (cost.lane, cost.calls) == ("background", 2)


# ---- for one alone ---------------------------------------------------------------------------------------------------


def test_for_a_while_one_callback_alone_is_called() -> None:
    seen: list[str] = []
    one, other = (Made(name, on_batch_end=lambda run, name=name: seen.append(name)) for name in ("one", "other"))
    stage = Stage(one, other)
    chain = stage.dispatcher.chain(Event.BATCH_END)
    assert chain is not None
    with stage.dispatcher.alone(other):
        chain()
    assert seen == ["other"]
    chain()
    assert seen == ["other", "one", "other"]


def test_one_that_is_disabled_while_alone_stays_so() -> None:
    seen: list[str] = []
    fails = Made("fails", on_batch_end=failing(ValueError("no")))
    stage = Stage(fails, Made("other", on_batch_end=lambda run: seen.append("other")))
    with stage.dispatcher.alone(fails):
        for _ in range(3):
            stage.emit(Event.BATCH_END)
    stage.emit(Event.BATCH_END)
    assert seen == ["other"]
    (cost,) = (one for one in stage.dispatcher.costs(1.0) if one.disabled)
    assert (cost.calls, cost.failures) == (3, 3)
