from __future__ import annotations

import threading
from collections import deque
from typing import Any

import pytest

from lineside.callback import Callback
from lineside.dispatch import background as module
from lineside.dispatch.background import BackgroundCallback
from lineside.dispatch.guard import Bound, Guard
from lineside.dispatch.items import EventItem, RecordsItem, Task
from lineside.errors import MonitorError, NotInline
from lineside.sink import Medium, Records, Sink
from tests.unit.dispatch.toys import Made, failing, snapshot


class Beside:
    """A background callback whose lane runs when the test says so."""

    def __init__(self, callback: Callback) -> None:
        self.reports: list[str] = []
        self.disabled: list[Bound] = []
        self.fatal: deque[BaseException] = deque()
        guard = Guard(self._disable, lambda title, text, hook: self.reports.append(title))
        self.background = BackgroundCallback(callback, guard, self.fatal)

    def _disable(self, hook: Bound) -> None:
        hook.disabled = True
        self.disabled.append(hook)

    def show(self, hook: Bound, times: int = 1, **values: Any) -> None:
        for _ in range(times):
            self.background.lane.put(EventItem(hook, snapshot(**values)))

    def run(self) -> None:
        self.background.lane.run_waiting()


class Counting(Callback):
    """Has a state that grows with every epoch, in a list that it hands out as it is."""

    background = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.epochs: list[int] = []

    def on_epoch_end(self, run):
        self.epochs.append(run.epoch)

    def state_dict(self):
        return {"epochs": self.epochs}

    def state_tensors(self):
        return {"mean": 0.5}


def hook_of(callback: Callback, call: Any, method: str = "on_epoch_end") -> Bound:
    return Bound(callback, method, call)


# ---- hooks -----------------------------------------------------------------------------------------------------------


def test_a_hook_sees_the_run_as_it_was_under_its_own_name() -> None:
    seen: list[Any] = []
    beside = Beside(made := Made("spy", background=True))
    hook = hook_of(made, seen.append)
    for step in (1, 2):
        beside.show(hook, step=step)
    beside.run()
    assert [run.step for run in seen] == [1, 2]
    with pytest.raises(NotInline, match=r"spy reached for run\.model"):
        _ = seen[0].model
    assert hook.cost.calls == 2


def test_a_hook_is_disabled_after_three_failures_and_not_called_for_what_still_waits() -> None:
    calls: list[int] = []

    def bad(run: Any) -> None:
        calls.append(run.step)
        raise ValueError("no")

    beside = Beside(made := Made("spy", background=True))
    beside.show(hook_of(made, bad), times=50)
    beside.run()
    assert len(calls) == 3
    assert len(beside.disabled) == 1
    assert beside.reports == ["Callback spy.on_epoch_end failed", "Callback spy.on_epoch_end is disabled"]


@pytest.mark.parametrize("error", [MonitorError("never came"), SystemExit(3), KeyboardInterrupt()])
def test_what_is_never_isolated_goes_to_the_training_thread(error: BaseException) -> None:
    seen: list[int] = []
    beside = Beside(made := Made("spy", background=True))
    beside.show(hook_of(made, failing(error)))
    beside.show(hook_of(made, lambda run: seen.append(run.step)))
    beside.run()
    assert list(beside.fatal) == [error]
    assert seen == [20]  # the lane goes on


def test_on_error_raise_goes_to_the_training_thread() -> None:
    beside = Beside(made := Made("spy", background=True, on_error="raise"))
    beside.show(hook_of(made, failing(ValueError("no"))))
    beside.run()
    assert [str(error) for error in beside.fatal] == ["no"]
    assert beside.reports == []


def test_tasks_that_fail_are_reported_once_and_later_ones_are_done() -> None:
    done: list[int] = []
    beside = Beside(made := Made("store", background=True))
    made.__dict__["disable_after"] = None
    for number in range(10):
        beside.background.lane.put(Task(failing(OSError("disk full")) if number < 9 else lambda: done.append(1)))
    beside.run()
    assert beside.reports == ["Callback store.task failed"]
    assert done == [1]


# ---- sinks -----------------------------------------------------------------------------------------------------------


class Collect(Sink):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.seen: list[tuple[int, Any]] = []

    def write(self, records: Records, run: Any) -> None:
        self.seen.append((run.step, [row[0] for row in records.rows] or [medium.tag for medium in records.media]))


def note(tag: str) -> RecordsItem:
    return RecordsItem((), [Medium("text", tag, "hello", 1, 0, 1.0)], list)


def test_a_sink_writes_between_the_hooks_with_the_run_that_it_saw_last() -> None:
    beside = Beside(sink := Collect())
    setup = hook_of(sink, sink.on_setup, "on_setup")
    beside.show(setup, step=1)
    beside.background.lane.put(note("a"))
    beside.show(setup, step=2)
    beside.background.lane.put(note("b"))
    beside.background.lane.put(RecordsItem([(7, 0, 1.0, {"train/loss": 0.5})], (), list))
    beside.run()
    assert sink.seen == [(1, ["a"]), (2, ["b"]), (2, [7])]


def test_a_value_that_cannot_be_read_is_the_failure_of_a_write_and_not_of_the_lane() -> None:
    class Broken:
        shape = ()

    def read(scalars: Any) -> list[float]:
        raise RuntimeError("the device is lost")

    beside = Beside(sink := Collect())
    beside.show(hook_of(sink, sink.on_setup, "on_setup"))
    beside.background.lane.put(RecordsItem([(1, 0, 1.0, {"train/loss": Broken()})], (), read))
    beside.background.lane.put(note("after"))
    beside.run()
    assert beside.reports == ["Callback collect.write failed"]
    assert sink.seen == [(20, ["after"])]


def test_only_a_sink_writes() -> None:
    assert Beside(Made("spy", background=True)).background.write is None


# ---- state -----------------------------------------------------------------------------------------------------------


def test_the_state_is_that_of_the_markers_place_in_the_queue() -> None:
    beside = Beside(callback := Counting())
    hook = hook_of(callback, callback.on_epoch_end)
    beside.show(hook, epoch=0)
    marker = beside.background.ask_state()
    beside.show(hook, epoch=1)
    beside.run()
    assert marker is not None
    assert beside.background.wait_state(marker) is marker
    assert marker.state == {"epochs": [0]}
    assert marker.tensors == {"mean": 0.5}
    assert callback.epochs == [0, 1]


def test_a_callback_without_state_is_not_asked() -> None:
    background = Beside(Made("spy", background=True)).background
    assert background.ask_state() is None
    assert background.lane.waiting == 0


def test_a_save_waits_for_one_that_hangs_once_and_gets_its_state_when_it_has_caught_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float | None] = []
    monkeypatch.setattr(module, "STATE_TIMEOUT", 0.01)
    beside = Beside(callback := Counting())
    background, hook = beside.background, hook_of(callback, callback.on_epoch_end)

    def ask(epoch: int) -> Any:
        beside.show(hook, epoch=epoch)
        marker = background.ask_state()
        wait = marker.answered.wait
        marker.answered.wait = lambda timeout=None: (waits.append(timeout), wait(timeout))[1]
        return marker

    first, second = ask(0), ask(1)
    assert background.wait_state(first) is None
    assert background.wait_state(second) is None
    assert waits == [0.01]
    beside.run()
    third = ask(2)
    assert background.wait_state(third) is second  # the newest that is answered
    assert second.state == {"epochs": [0, 1]}
    beside.run()
    fourth = ask(3)
    beside.run()
    assert background.wait_state(fourth) is fourth


def test_a_state_that_cannot_be_taken_costs_the_checkpoint_that_state_alone(caplog: pytest.LogCaptureFixture) -> None:
    class Bad(Counting):
        def state_dict(self):
            raise ValueError("no state")

    beside = Beside(Bad())
    marker = beside.background.ask_state()
    beside.run()
    assert marker is not None
    assert beside.background.wait_state(marker) is marker
    assert marker.state is None
    assert list(beside.fatal) == []
    assert "The state of callback bad could not be taken" in caplog.text


def test_with_on_error_raise_a_state_that_cannot_be_taken_ends_the_run() -> None:
    class Bad(Counting):
        on_error = "raise"

        def state_dict(self):
            raise ValueError("no state")

    beside = Beside(Bad())
    beside.background.ask_state()
    beside.run()
    assert [str(error) for error in beside.fatal] == ["no state"]


def test_hooks_run_on_the_thread_of_the_lane() -> None:
    seen: list[str] = []
    done = threading.Event()

    def hook(run: Any) -> None:
        seen.append(threading.current_thread().name)
        done.set()

    beside = Beside(made := Made("spy", background=True))
    beside.background.lane.start()
    beside.show(hook_of(made, hook))
    assert done.wait(10)
    beside.background.lane.ask_to_close()
    assert seen == ["lineside-spy"]
