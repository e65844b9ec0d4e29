from __future__ import annotations

from lineside.events import Event
from lineside.testing import CallbackContract, FakeRun, Sighting, TraceRecorder


class TestContract(CallbackContract):
    def make(self, **options):
        return TraceRecorder(**options)


def test_every_event_is_recorded_with_counters_and_names() -> None:
    recorder = TraceRecorder()
    run = FakeRun([recorder], batches=2)
    run.batch_end(loss=0.5)
    assert recorder.events == [
        *("on_setup", "on_train_start", "on_epoch_start"),
        *("on_batch_start", "on_backward_end", "on_step_end", "on_batch_end"),
    ]
    run.epoch_end(val_loss=0.3)
    assert recorder.trace[-1] == Sighting(
        Event.FIT_EPOCH_END,
        epoch=0,
        step=2,
        batch=1,
        stage="train",
        metrics=("lr", "time/epoch", "train/loss", "val/loss"),
    )
    assert Sighting(Event.VAL_BATCH_END, 0, 2, 0, "val", ("lr", "train/loss")) in recorder.trace


def test_events_with_a_payload_are_recorded_too() -> None:
    recorder = TraceRecorder()
    run = FakeRun([recorder])
    run.start()
    run.save("manual")
    run.alert("The disk is nearly full")
    run.settle()
    run.fail(RuntimeError("boom"))
    assert {"on_checkpoint", "on_alert", "on_exception"} <= set(recorder.events)


def test_a_second_fit_begins_a_new_trace() -> None:
    recorder = TraceRecorder()
    FakeRun([recorder]).play(1)
    first = recorder.trace.copy()
    FakeRun([recorder]).play(1)
    assert recorder.trace == first
