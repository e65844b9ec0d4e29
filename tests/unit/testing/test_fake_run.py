from __future__ import annotations

import json

import pytest

from lineside import Callback, every
from lineside.testing import FakeRun, TraceRecorder

BATCH = ["on_batch_start", "on_backward_end", "on_step_end", "on_batch_end"]
VALIDATION = ["on_val_start", "on_val_batch_start", "on_val_batch_end", "on_val_end"]


def test_a_whole_training_has_the_events_of_a_real_one() -> None:
    trace = TraceRecorder()
    FakeRun([trace], batches=2).play(2)
    epoch = [
        *("on_epoch_start", *BATCH, *BATCH, "on_train_epoch_end"),
        *(*VALIDATION, "on_epoch_end", "on_fit_epoch_end"),
    ]
    assert trace.events == ["on_setup", "on_train_start", *epoch, *epoch, "on_train_end", "on_teardown"]


def test_each_verb_plays_to_its_event() -> None:
    trace = TraceRecorder()
    run = FakeRun([trace], batches=2)
    run.start()
    assert trace.events == ["on_setup", "on_train_start"]
    run.batch_end(loss=0.5)
    assert trace.events[2:] == ["on_epoch_start", *BATCH]
    run.val_end(val_loss=0.5)
    assert trace.events[-4:] == VALIDATION
    run.epoch_end(loss=0.5)
    assert trace.events[-7:] == [*BATCH, "on_train_epoch_end", "on_epoch_end", "on_fit_epoch_end"]
    run.train_end()
    assert trace.events[-2:] == ["on_train_end", "on_teardown"]


def test_counters_are_those_of_a_training() -> None:
    run = FakeRun(batches=3, batch_size=8)
    run.batch_end()
    run.batch_end(stepped=False)
    assert (run.epoch, run.batch, run.step, run.batches_done, run.samples, run.elapsed) == (0, 1, 1, 2, 16, 2.0)
    run.epoch_end()
    run.batch_end()
    assert (run.epoch, run.batch, run.step, run.epochs_done, run.samples) == (1, 0, 3, 1, 32)


def test_no_step_and_no_safe_point_while_gradients_are_accumulated() -> None:
    trace = TraceRecorder()
    run = FakeRun([trace])
    run.start()
    run.stop("now")
    run.batch_end(stepped=False)
    assert not run.stopped
    assert "on_step_end" not in trace.events
    run.batch_end()
    assert run.stopped


def test_metrics_have_any_spelling() -> None:
    run = FakeRun()
    run.epoch_end({"val/mAP50(B)": 0.7}, loss=0.5, val_loss=0.4, train_accuracy=0.9)
    named = {"train/loss": 0.5, "train/accuracy": 0.9, "val/loss": 0.4, "val/mAP50(B)": 0.7}
    assert dict(run.metrics) == named | {"lr": 0.1, "time/epoch": 2.0}
    run.val_end(accuracy=0.8)
    assert run.metrics["val/accuracy"] == 0.8


def test_values_of_batches_are_averaged() -> None:
    run = FakeRun(batches=2)
    run.batch_end(loss=1.0)
    run.batch_end(loss=3.0)
    run.epoch_end()
    assert run.metrics["loss"] == 2.0
    assert run.batch_metrics["loss"] == 3.0


def test_values_are_published_where_a_real_run_does() -> None:
    trace = TraceRecorder()
    FakeRun([trace]).epoch_end(loss=0.5, val_loss=0.4, val_f1=0.3, late=["val_f1"])
    known = {sighting.event.hook: set(sighting.metrics) for sighting in trace.trace}
    assert known["on_batch_end"] == set()
    assert known["on_train_epoch_end"] == {"train/loss", "lr"}
    assert known["on_val_end"] == {"train/loss", "lr", "val/loss"}
    assert known["on_epoch_end"] == {"train/loss", "lr", "val/loss", "val/f1", "time/epoch"}


def test_a_value_that_comes_late_is_in_no_batch() -> None:
    run = FakeRun()
    run.epoch_end({"train/loss": 0.5, "train/score": 0.4}, late=["score"])
    assert "train/score" not in run.batch_metrics
    assert run.metrics["score"] == 0.4


def test_there_is_a_validation_only_if_there_are_values() -> None:
    trace = TraceRecorder()
    FakeRun([trace]).epoch_end(loss=0.5)
    assert "on_val_start" not in trace.events


def test_several_groups_have_their_rates_among_the_metrics() -> None:
    run = FakeRun(lr={"body": 0.1, "head": 0.2})
    run.epoch_end()
    assert {name: run.metrics[name] for name in ("lr", "lr/body", "lr/head")} == {
        "lr": 0.1,
        "lr/body": 0.1,
        "lr/head": 0.2,
    }


class StopAt(Callback):
    """Stops at a step."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step

    def on_step_end(self, run) -> None:
        if run.step == self.step:
            run.stop(f"step {self.step}")


def test_a_stop_ends_the_batches_then_the_epoch_then_the_training() -> None:
    trace = TraceRecorder()
    run = FakeRun([StopAt(4), trace], batches=3).play(5)
    assert (run.step, run.epochs_done, run.stopped, run.reason) == (4, 2, True, "step 4")
    assert trace.events[-9:] == [
        *("on_train_epoch_end", *VALIDATION, "on_epoch_end", "on_fit_epoch_end"),
        *("on_train_end", "on_teardown"),
    ]


def test_without_a_stop_all_epochs_are_played() -> None:
    run = FakeRun().play(3)
    assert (run.epochs_done, run.stopped, run.reason) == (3, False, "all epochs are done")
    assert (run.total_epochs, run.total_steps) == (3, 6)


def test_a_failure_ends_the_training_in_its_own_way() -> None:
    trace = TraceRecorder()
    run = FakeRun([trace])
    run.batch_end()
    run.fail(RuntimeError("boom"))
    assert trace.events[-2:] == ["on_exception", "on_teardown"]
    assert run.reason == "RuntimeError: boom"


class Counter(Callback):
    """Counts batches, and every third step; has state."""

    def on_setup(self, run) -> None:
        self.batches = 0
        self.thirds: list[int] = []

    def on_batch_end(self, run) -> None:
        self.batches += 1

    @every("3 steps")
    def on_step_end(self, run) -> None:
        self.thirds.append(run.step)

    def state_dict(self):
        return {"batches": self.batches, "thirds": list(self.thirds)}

    def load_state_dict(self, state) -> None:
        self.batches, self.thirds = state["batches"], state["thirds"]

    def state_tensors(self):
        return {"count": [float(self.batches)]}

    def load_state_tensors(self, tensors) -> None:
        self.tensors = tensors


def test_a_run_resumes_at_every_safe_point_as_if_nothing_had_happened() -> None:
    whole, trace = Counter(), TraceRecorder()
    uninterrupted = FakeRun([whole, trace], batches=4, lr={"a": 0.1, "b": 0.2}).play(3)
    first = TraceRecorder()
    cut = FakeRun([Counter(), first], batches=4, lr={"a": 0.1, "b": 0.2})
    count = 0
    for _ in cut.safe_points(3):
        count += 1
        state = cut.state()
        again, second = Counter(), TraceRecorder()
        seen = first.trace.copy()
        run = FakeRun.resumed(state, [again, second], batches=4).play(3)
        assert again.state_dict() == whole.state_dict()
        assert again.tensors == {"count": [float(state["callbacks"]["counter"][0]["batches"])]}
        assert seen + second.trace[2:] == trace.trace
        assert (run.step, run.elapsed, run.lr, run.attempt) == (12, 12.0, uninterrupted.lr, 2)
        assert dict(run.metrics).keys() == dict(uninterrupted.metrics).keys()
    assert count == 3 * (4 + 1)


def test_a_run_resumes_from_a_checkpoint_with_what_was_still_to_be_applied() -> None:
    def ask(run) -> None:
        run.save("mine", pin="owner")
        run.stop("enough")

    run = FakeRun()
    run.epoch_end(val_loss=0.3)
    ask(run)
    run.settle()
    resumed = FakeRun.resumed(run.checkpoints[0].state)
    resumed.restore("owner")
    resumed.start()
    assert resumed.restored == [run.checkpoints[0].name]
    assert resumed.stopped
    assert resumed.play(5).epochs_done == 1


def test_setup_comes_before_the_state_and_the_counters() -> None:
    seen = []

    class Early(Callback):
        def on_setup(self, run) -> None:
            seen.append(("setup", run.step))

        def state_dict(self):
            return {"a": 1}

        def load_state_dict(self, state) -> None:
            seen.append(("load", state))

        def on_train_start(self, run) -> None:
            seen.append(("start", run.step))

    run = FakeRun([Early()])
    run.epoch_end()
    seen.clear()
    FakeRun.resumed(run.state(), [Early()]).start()
    assert seen == [("setup", 0), ("load", {"a": 1}), ("start", 2)]


def test_a_state_is_a_copy() -> None:
    run = FakeRun([Counter()])
    run.batch_end()
    state = run.state()
    kept = json.dumps(state)
    run.epoch_end(loss=0.5)
    FakeRun.resumed(state, [Counter()]).play(3)
    assert json.dumps(state) == kept


def test_new_callbacks_and_left_ones_are_no_trouble() -> None:
    run = FakeRun([Counter()])
    run.epoch_end()
    other = TraceRecorder()
    FakeRun.resumed(run.state(), [other]).play(2)
    assert other.events[:3] == ["on_setup", "on_train_start", "on_epoch_start"]


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_finished_run_that_resumes_plays_only_what_is_missing(epochs) -> None:
    run = FakeRun()
    run.epoch_end()
    resumed = FakeRun.resumed(run.state()).play(epochs)
    assert resumed.epochs_done == epochs


def test_values_of_batches_are_as_fresh_after_a_resume_as_before() -> None:
    first = FakeRun(batches=4)
    first.batch_end(loss=0.5, accuracy=0.1)
    before = first.batch_metrics.point("loss")
    resumed = FakeRun.resumed(first.state(), batches=4)
    resumed.start()
    assert resumed.batch_metrics.point("loss") == before
    resumed.batch_end(loss=0.4)
    after = resumed.batch_metrics.point("loss")
    assert before is not None
    assert after is not None
    assert after.serial > before.serial


def test_a_validation_has_the_batches_that_it_was_given() -> None:
    seen: list[object] = []

    class Look(Callback):
        def on_val_batch_start(self, run) -> None:
            seen.append((run.batch, run.batch_data, run.outputs))

        def on_val_batch_end(self, run) -> None:
            seen.append((run.batch, run.batch_data, run.outputs))

        def on_val_end(self, run) -> None:
            seen.append((run.batch_data, run.outputs))

    run = FakeRun([Look()], validation=[("a", 1), ("b", 2)])
    run.epoch_end(val_loss=0.5)
    assert seen == [(0, "a", None), (0, "a", 1), (1, "b", None), (1, "b", 2), (None, None)]
