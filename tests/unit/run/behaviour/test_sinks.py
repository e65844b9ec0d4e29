"""What is logged, and how it reaches the store and the sinks."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from lineside.dispatch import background, lanes
from lineside.run import Run, store_lane
from lineside.run.plain_host import PlainHost
from lineside.sink import Records, Sink
from lineside.store import RunReader
from tests.unit.run.toys import (
    Gate,
    Made,
    MakeRun,
    answers,
    ask,
    events,
    status,
    train,
)

# ---- sinks ----------------------------------------------------------------------------------------------------------


class Collect(Sink):
    """Keeps everything in one list, in the order in which it comes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.came: list[Any] = []

    def write(self, records: Records, run: Any) -> None:
        self.came += [(step, epoch, dict(values)) for step, epoch, _, values in records.rows]
        self.came += [medium.tag for medium in records.media]
        self.came += ["no run"] * (run is None or not run.dir.is_dir())

    def on_epoch_end(self, run: Any) -> None:
        self.came.append(f"epoch {run.epoch} ends")

    def on_teardown(self, run: Any) -> None:
        self.came.append("teardown")


def test_a_sink_gets_a_figure_that_the_helper_draws_before_the_teardown(make_run: MakeRun) -> None:
    with make_run(sink := Collect()) as run:
        train(run, epochs=1)
        run.offload("tests.unit.dispatch.offload_jobs:draw", {"text": "a curve"}, figure="curves")
    assert sink.came[-2:] == ["curves", "teardown"]


def test_a_sink_gets_rows_of_batches_and_epochs_in_the_order_of_things(make_run: MakeRun) -> None:
    with make_run(sink := Collect()) as run:
        run.log_text("hello", "world")
        train(run, epochs=2)
    without_time = [entry for entry in sink.came if not isinstance(entry, tuple) or "time/epoch" not in entry[2]]
    assert without_time == [
        "hello",
        *(
            (1, 0, {"batch/loss": 1.0}),
            (2, 0, {"batch/loss": 2.0}),
            (2, 0, {"train/loss": 1.5}),
            (2, 0, {"val/loss": 3.0}),
        ),
        "epoch 0 ends",
        *(
            (3, 1, {"batch/loss": 1.0}),
            (4, 1, {"batch/loss": 2.0}),
            (4, 1, {"train/loss": 1.5}),
            (4, 1, {"val/loss": 3.0}),
        ),
        "epoch 1 ends",
        "teardown",
    ]
    assert len(sink.came) == len(without_time) + 2


def test_the_last_rows_of_a_run_that_ends_early_come_before_its_teardown(make_run: MakeRun) -> None:
    def fail(run: Run, value: float) -> None:
        if run.step == 2:
            raise MemoryError

    with pytest.raises(MemoryError), make_run(sink := Collect()) as run:
        train(run, do=fail)
    assert sink.came == [(1, 0, {"batch/loss": 1.0}), "teardown"]


def test_a_sink_without_hooks_is_shown_the_run(make_run: MakeRun) -> None:
    class Bare(Sink):
        seen: list[Any] = []  # noqa: RUF012 - one object of the class

        def write(self, records: Records, run: Any) -> None:
            self.seen.append((run.name, run.attempt))

    with make_run(bare := Bare()) as run:
        train(run)
    assert set(bare.seen) == {(run.name, 1)}


def test_the_store_has_the_same_rows(make_run: MakeRun) -> None:
    with make_run() as run:
        train(run, epochs=2)
    with RunReader.open(run.dir) as reader:
        assert list(reader.series("batch/loss").values) == [1.0, 2.0, 1.0, 2.0]
        assert list(reader.series("train/loss").values) == [1.5, 1.5]
        assert list(reader.series("val/loss").steps) == [2, 4]
        assert [event.kind for event in reader.events()] == [
            *("facts", "train_start", "epoch_end", "epoch_end", "checkpoint", "train_end", "end"),
        ]


def test_a_store_that_cannot_keep_up_says_what_it_lost(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(store_lane, "FLUSH_TIMEOUT", 0.01)
    gate = Gate()
    with make_run() as run:
        lane = run.wiring._store.lane
        monkeypatch.setattr(lane, "_limits", lanes.LaneLimits(items=1))
        lane.put(background.Task(gate))
        assert gate.reached.wait(20)
        train(run, epochs=1, batches=range(50))
        gate.open.set()
    assert "50 batch records are missing in the store" in caplog.text
    assert status(run) == "completed"


# ---- values on a device ----------------------------------------------------------------------------------------------


class OnDevice:
    """A scalar that writes down on which thread somebody waits for it."""

    shape = ()
    waits: list[str] = []  # noqa: RUF012 - shared on purpose

    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        OnDevice.waits.append(threading.current_thread().name)
        return self.value

    def __mul__(self, weight: float) -> OnDevice:
        return OnDevice(self.value * weight)

    def __add__(self, other: OnDevice) -> OnDevice:
        return OnDevice(self.value + other.value)


class LazyHost(PlainHost):
    """Leaves values on the device, and reads many of them at once."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[tuple[str, int]] = []

    def freeze(self, scalar: Any) -> Any:
        return scalar

    def read(self, scalars: Sequence[Any]) -> list[float]:
        self.reads.append((threading.current_thread().name, len(scalars)))
        return [scalar.value for scalar in scalars]


def test_nobody_waits_for_a_device_on_the_training_thread_until_a_mean_is_due(make_run: MakeRun) -> None:
    OnDevice.waits.clear()
    waits_in_epoch: list[int] = []
    spy = Made("spy", on_batch_end=lambda run: waits_in_epoch.append(len(OnDevice.waits)))
    with make_run(spy, sink := Collect(), host=(host := LazyHost())) as run:
        train(run, epochs=2, batches=[OnDevice(float(value)) for value in range(50)], validation=None)
    assert waits_in_epoch == [0] * 50 + [1] * 50  # one wait for the mean of an epoch
    assert {thread for thread, _ in host.reads} <= {"lineside-store", "lineside-collect"}
    assert sum(count for _, count in host.reads) == 100
    assert [entry[2]["batch/loss"] for entry in sink.came if isinstance(entry, tuple) and "batch/loss" in entry[2]] == [
        float(value) for _ in range(2) for value in range(50)
    ]
    assert run.history["train/loss"] == [24.5, 24.5]


def test_a_callback_that_reads_pays_for_what_it_reads(make_run: MakeRun) -> None:
    OnDevice.waits.clear()
    reads = Made("reads", on_batch_end=lambda run: run.batch_metrics["loss"])
    with make_run(reads, host=LazyHost()) as run:
        train(run, epochs=1, batches=[OnDevice(1.0), OnDevice(2.0)], validation=None)
    assert OnDevice.waits.count(threading.main_thread().name) == 3


def test_requests_and_events_of_a_run_are_in_the_store(make_run: MakeRun) -> None:
    with make_run(ask("asks", "on_batch_end", lambda run: (run.save("now"), run.alert("fire")))) as run:
        train(run, epochs=1)
    assert answers(run) == [("save", "asks", "applied at step 1")]
    assert [data["title"] for data in events(run, "alert")] == ["fire"]
    assert [data["tags"] for data in events(run, "checkpoint")] == [["now"], ["last"]]
