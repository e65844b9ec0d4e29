from __future__ import annotations

import math

import pytest

from lineside.adopted import adopt
from lineside.control import Kind
from lineside.errors import AdoptedError, CallbackDefinitionError, RequestRefused
from lineside.testing import CallbackContract, FakeRun


class Patience:
    """As Hugging Face's early stopping, with its way to show state."""

    def __init__(self):
        self.counter = 0

    def on_evaluate(self, args, state, control, metrics, **kwargs):
        value = metrics.get(f"eval_{args.metric_for_best_model}")
        if value is None:
            return
        self.counter = 0 if state.best_metric is None or value < state.best_metric else self.counter + 1
        control.should_training_stop = self.counter >= 2

    def state(self):
        return {"args": {}, "attributes": {"counter": self.counter}}

    @classmethod
    def from_state(cls, state):
        raise AssertionError("the object stays")


class Recorder:
    def __init__(self):
        self.seen = []

    def on_train_begin(self, args, state, control, **kwargs):
        self.seen.append(("train_begin", args.num_train_epochs, state.max_steps, state.is_world_process_zero))

    def on_step_begin(self, args, state, control, **kwargs):
        self.seen.append(("step_begin", state.global_step))

    def on_substep_end(self, args, state, control, **kwargs):
        self.seen.append(("substep_end", state.global_step))

    def on_step_end(self, args, state, control, **kwargs):
        self.seen.append(("step_end", state.global_step, state.epoch))

    def on_epoch_end(self, args, state, control, **kwargs):
        self.seen.append(("epoch_end", state.epoch))

    def on_log(self, args, state, control, logs=None, **kwargs):
        self.seen.append(("log", logs))

    def on_evaluate(self, args, state, control, metrics=None, **kwargs):
        self.seen.append(("evaluate", metrics, state.best_metric))


class TestContract(CallbackContract):
    inline_only = True

    def make(self, **options):
        return adopt(Patience(), **options)


def test_hooks_in_hugging_faces_order() -> None:
    recorder = Recorder()
    run = FakeRun([adopt(recorder)], batches=2, epochs=1, lr={"": 0.5})
    run.batch_end(loss=0.75, stepped=False)
    run.batch_end(loss=0.25)
    run.epoch_end(val_loss=0.6)
    assert recorder.seen == [
        ("train_begin", 1, 2, True),
        ("step_begin", 0),
        ("substep_end", 0),
        ("step_end", 1, 1.0),
        ("epoch_end", 1.0),
        ("log", {"loss": 0.5, "learning_rate": 0.5, "epoch": 1.0}),
        ("log", {"eval_loss": 0.6, "epoch": 1.0}),
        ("evaluate", {"eval_loss": 0.6, "epoch": 1.0}, None),
    ]


def test_a_resumed_run_knows_which_batches_step() -> None:
    run = FakeRun([adopt(Recorder())])
    run.epoch_end(loss=0.5)
    recorder = Recorder()
    resumed = FakeRun.resumed(run.state(), [adopt(recorder)])
    resumed.batch_end(loss=0.5, stepped=False)
    assert [one[0] for one in recorder.seen] == ["train_begin", "step_begin", "substep_end"]


def test_the_best_value_is_kept_as_the_trainer_does() -> None:
    recorder = Recorder()
    run = FakeRun([adopt(recorder)])
    for value in (0.5, math.nan, 0.0, 0.6):
        run.epoch_end(val_loss=value)
    assert [one[2] for one in recorder.seen if one[0] == "evaluate"] == [None, 0.5, 0.5, 0.0]


def test_the_metric_that_decides_is_an_argument() -> None:
    recorder = Recorder()
    run = FakeRun([adopt(recorder, arguments={"metric_for_best_model": "accuracy"})])
    for value in (0.5, 0.75, 0.6):
        run.epoch_end(val_accuracy=value)
    assert [one[2] for one in recorder.seen if one[0] == "evaluate"] == [None, 0.5, 0.75]


def test_switches_become_requests() -> None:
    class Switches:
        def on_step_end(self, args, state, control, **kwargs):
            control.should_save = control.should_evaluate = control.should_training_stop = True
            return control

    run = FakeRun([adopt(Switches())], batches=1)
    run.batch_end(loss=0.5)
    assert {one.kind for one in run.requests} >= {Kind.SAVE, Kind.VALIDATE, Kind.STOP}
    assert all("transformers-switches set control.should_" in one.reason for one in run.requests)


class WantsEvaluation:
    def on_epoch_end(self, args, state, control, **kwargs):
        control.should_evaluate = True


def test_an_evaluation_behind_an_epoch_is_the_validation_that_follows() -> None:
    run = FakeRun([adopt(WantsEvaluation())])
    run.epoch_end(loss=0.5, val_loss=0.5)
    assert run.requests == []


def test_an_evaluation_is_asked_for_where_none_follows() -> None:
    run = FakeRun([adopt(WantsEvaluation())])
    run.epoch_end(loss=0.5)
    assert [one.kind for one in run.requests] == [Kind.VALIDATE]


def test_a_log_that_is_asked_for_has_the_values_of_the_batch() -> None:
    seen = []

    class Logs:
        def on_step_end(self, args, state, control, **kwargs):
            control.should_log = True

        def on_log(self, args, state, control, logs, **kwargs):
            seen.append(logs["loss"])

    FakeRun([adopt(Logs())]).batch_end(loss=0.25)
    assert seen == [0.25]


def test_an_epoch_cannot_be_left_alone() -> None:
    class Leaves:
        def on_step_end(self, args, state, control, **kwargs):
            control.should_epoch_stop = True

    with pytest.raises(RequestRefused, match="should_training_stop"):
        FakeRun([adopt(Leaves())]).batch_end(loss=0.5)


def test_hooks_get_what_they_take() -> None:
    seen = []

    class Takes:
        def on_train_begin(self, args, state, control, model, eval_dataloader=None):
            seen.append((model, eval_dataloader))

        def on_train_end(self, args, state, control, optimizer=None, **kwargs):
            seen.append((optimizer, sorted(kwargs)))
            kwargs["train_dataloader"].dataset  # noqa: B018 - looking is what is refused

    run = FakeRun([adopt(Takes())], optimizers={"": "sgd"})
    with pytest.raises(AdoptedError, match=r"train_dataloader\.dataset"):
        run.train_end()
    absent = ["eval_dataloader", "lr_scheduler", "model", "processing_class", "train_dataloader"]
    assert seen == [(run.model.module, None), ("sgd", absent)]


def test_arguments_that_nobody_gave_are_named() -> None:
    class Reads:
        def on_train_begin(self, args, state, control, **kwargs):
            self.read = args.fp16

    with pytest.raises(AdoptedError, match=r"args\.fp16.*arguments="):
        FakeRun([adopt(Reads())]).start()
    reads = Reads()
    FakeRun([adopt(reads, arguments={"fp16": True})]).start()
    assert reads.read is True


def test_a_hook_without_a_counterpart_is_refused() -> None:
    class Clips:
        def on_pre_optimizer_step(self, args, state, control, **kwargs):
            pass

    with pytest.raises(CallbackDefinitionError, match="on_pre_optimizer_step has no counterpart"):
        adopt(Clips())
