"""The events of a training, in the order that DESIGN 3 promises."""

from __future__ import annotations

from typing import Any

import pytest

from lineside.errors import (
    RunStateError,
)
from lineside.run import Run
from tests.unit.run.toys import (
    Made,
    MakeRun,
    Trace,
    ask,
    status,
    train,
    validate,
)

BATCH = ["on_batch_start", "on_step_end", "on_batch_end"]
VALIDATION = ["on_val_start", "on_val_batch_start", "on_val_batch_end", "on_val_end"]
EPOCH = ["on_epoch_start", *BATCH, *BATCH, "on_train_epoch_end", *VALIDATION, "on_epoch_end", "on_fit_epoch_end"]
START, END = ["on_setup", "on_train_start"], ["on_checkpoint", "on_train_end", "on_teardown"]


def test_two_epochs_with_validation(make_run: MakeRun) -> None:
    with make_run(trace := Trace()) as run:
        train(run)
    assert trace.seen == [*START, *EPOCH, *EPOCH, *END]
    assert run.reason == "all 2 epochs are done"


def test_what_a_callback_reads_at_each_event(make_run: MakeRun) -> None:
    def look(run: Any) -> Any:
        return run.epoch, run.step, run.batch, run.epochs_done, run.batches_done, run.samples, run.stage

    with make_run(trace := Trace(look)) as run:
        for _ in run.epochs(2):
            for values in run.batches([[1.0, 2.0], [3.0]]):
                run.stepped()
                assert values == run.batch_data
            validate(run, [5.0])
    second_epoch = trace.seen[trace.seen.index(["on_epoch_start", (1, 2, 0, 1, 2, 3, "train")]) :]
    assert [tuple(seen) for seen in second_epoch] == [
        ("on_epoch_start", (1, 2, 0, 1, 2, 3, "train")),
        ("on_batch_start", (1, 2, 0, 1, 2, 3, "train")),
        ("on_step_end", (1, 3, 0, 1, 2, 3, "train")),
        ("on_batch_end", (1, 3, 0, 1, 3, 5, "train")),
        ("on_batch_start", (1, 3, 1, 1, 3, 5, "train")),
        ("on_step_end", (1, 4, 1, 1, 3, 5, "train")),
        ("on_batch_end", (1, 4, 1, 1, 4, 6, "train")),
        ("on_train_epoch_end", (1, 4, 1, 2, 4, 6, "train")),
        ("on_val_start", (1, 4, 1, 2, 4, 6, "val")),
        ("on_val_batch_start", (1, 4, 0, 2, 4, 6, "val")),
        ("on_val_batch_end", (1, 4, 0, 2, 4, 6, "val")),
        ("on_val_end", (1, 4, 0, 2, 4, 6, "val")),
        ("on_epoch_end", (1, 4, 1, 2, 4, 6, "train")),
        ("on_fit_epoch_end", (1, 4, 1, 2, 4, 6, "train")),
        ("on_checkpoint", (2, 4, 1, 2, 4, 6, "train")),
        ("on_train_end", (2, 4, 1, 2, 4, 6, "train")),
        ("on_teardown", (2, 4, 1, 2, 4, 6, "train")),
    ]


def test_validation_asked_for_in_mid_epoch_comes_at_the_safe_point(make_run: MakeRun) -> None:
    asks = ask("asks", "on_batch_end", lambda run: run.validate("now"))
    with make_run(asks, trace := Trace(), validate=lambda: validate(run)) as run:
        train(run, epochs=1)
    expected = ["on_epoch_start", *BATCH, *VALIDATION, *BATCH, "on_train_epoch_end", *VALIDATION]
    assert trace.seen[2 : 2 + len(expected)] == expected


def test_validation_in_the_middle_of_a_batch_leaves_the_batch_as_it_was(make_run: MakeRun) -> None:
    def in_the_middle(run: Run, value: float) -> None:
        run.outputs, run.loss = "outputs", value
        validate(run, [7.0])
        run.log({"accuracy": 0.5})

    seen: list[Any] = []
    spy = Made(
        "spy",
        on_batch_end=lambda run: seen.append(
            (run.batch, run.batch_data, run.outputs, run.loss, run.total_batches, dict(run.batch_metrics))
        ),
    )
    with make_run(trace := Trace(), spy) as run:
        train(run, epochs=1, batches=[1.0, 2.0], validation=None, do=in_the_middle)
    assert trace.seen[3:10] == [*BATCH[:2], *VALIDATION, "on_batch_end"]
    values = {"train/loss": 2.0, "val/loss": 7.0, "train/accuracy": 0.5}
    assert seen[1] == (1, 2.0, "outputs", 2.0, 2, values)
    assert run.history == {"train/loss": [1.5], "train/accuracy": [0.5], "val/loss": [7.0]}


def test_batch_data_is_there_within_the_batch_alone(make_run: MakeRun) -> None:
    with make_run(trace := Trace(lambda run: run.batch_data)) as run:
        train(run, epochs=1, batches=[1.0], validation=[2.0])
    assert {hook: data for hook, data in trace.seen if data is not None} == {
        **dict.fromkeys(BATCH, 1.0),
        "on_val_batch_start": 2.0,
        "on_val_batch_end": 2.0,
    }


def test_metrics_are_complete_where_the_design_says_so(make_run: MakeRun) -> None:
    with make_run(trace := Trace(lambda run: sorted(run.metrics))) as run:
        train(run, epochs=1)
    seen = dict(tuple(entry) for entry in trace.seen)
    assert seen["on_epoch_start"] == []
    assert seen["on_batch_end"] == []
    assert seen["on_train_epoch_end"] == ["train/loss"]
    assert seen["on_val_start"] == ["train/loss"]
    assert seen["on_val_end"] == ["train/loss", "val/loss"]
    assert seen["on_epoch_end"] == ["time/epoch", "train/loss", "val/loss"]


def test_test_and_predict_have_their_own_events(make_run: MakeRun) -> None:
    with make_run(trace := Trace()) as run:
        for stage in ("test", "predict"):
            with run.evaluation(stage):
                for value in run.batches([1.0]):
                    run.log({"loss": value})
    assert trace.seen == [
        "on_setup",
        *(
            f"on_{stage}_{point}"
            for stage in ("test", "predict")
            for point in ("start", "batch_start", "batch_end", "end")
        ),
        "on_teardown",
    ]
    assert run.metrics["test/loss"] == 1.0
    assert run.history == {}


def test_leaving_the_loop_with_break_ends_the_epoch_and_the_training(make_run: MakeRun) -> None:
    with make_run(trace := Trace()) as run:
        for _ in run.epochs(5):
            for value in run.batches([1.0, 2.0, 3.0]):
                run.log({"loss": value})
                run.stepped()
                if value == 2.0:
                    break
            break
    assert trace.seen == [
        *START,
        *("on_epoch_start", *BATCH, "on_batch_start", "on_step_end"),
        *("on_train_epoch_end", "on_epoch_end", "on_fit_epoch_end"),
        *END,
    ]
    assert run.reason == "the loop was left"
    assert run.history["train/loss"] == [1.0]


def test_a_batch_that_was_left_leaves_nothing_to_the_next_epoch(make_run: MakeRun) -> None:
    with make_run() as run:
        for epoch in run.epochs(2):
            for value in run.batches([1.0, 2.0]):
                if epoch == 0:
                    run.log({"broken": value})
                    break
                run.log({"loss": value})
    assert run.history == {"train/loss": [1.5]}


def test_an_iterator_that_is_held_behind_a_break_does_not_keep_the_epoch_open(make_run: MakeRun) -> None:
    bars: list[Any] = []
    with make_run(trace := Trace()) as run:
        for _ in run.epochs(2):
            bars.append(run.batches([1.0, 2.0, 3.0]))
            for value in bars[-1]:
                run.log({"loss": value})
                run.stepped()
                if value == 2.0:
                    break
    epoch = ["on_epoch_start", *BATCH, "on_batch_start", "on_step_end", "on_train_epoch_end", "on_epoch_end"]
    assert trace.seen == [*START, *epoch, "on_fit_epoch_end", *epoch, "on_fit_epoch_end", *END]
    assert run.history == {"train/loss": [1.0, 1.0]}


def test_nothing_happens_when_the_iterator_of_a_failed_loop_is_thrown_away(make_run: MakeRun) -> None:
    held: list[Any] = []

    def fail(run: Run) -> None:
        for _ in run.epochs(1):
            held.append(run.batches([1.0]))
            for _ in held[-1]:
                run.optimizer_stepped()
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), make_run(trace := Trace()) as run:
        fail(run)
    held.pop().close()
    assert trace.seen[-2:] == ["on_exception", "on_teardown"]
    assert run.step == 0


def test_leaving_between_two_epochs_ends_no_epoch_twice(make_run: MakeRun) -> None:
    with make_run(trace := Trace()) as run:
        for epoch in run.epochs(5):
            if epoch == 1:
                break
            for _ in run.batches([1.0]):
                run.stepped()
    assert trace.seen.count("on_epoch_start") == 2
    assert trace.seen.count("on_epoch_end") == 2
    assert trace.seen[-3:] == END


def test_steps_limit_the_training_and_the_last_epoch_is_brought_to_its_end(make_run: MakeRun) -> None:
    with make_run(trace := Trace()) as run:
        train(run, epochs=None, steps=3)
    assert trace.seen == [
        *START,
        *EPOCH,
        *("on_epoch_start", *BATCH, "on_train_epoch_end", *VALIDATION, "on_epoch_end", "on_fit_epoch_end"),
        *END,
    ]
    assert run.reason == "all 3 steps are done"
    assert run.total_steps == 3


def test_a_micro_batch_without_a_step_has_no_step_event(make_run: MakeRun) -> None:
    with make_run(trace := Trace(), ask("asks", "on_batch_end", lambda run: run.stop("enough"))) as run:
        for _ in run.epochs(1):
            for number, _ in enumerate(run.batches([1.0, 2.0, 3.0, 4.0])):
                if number % 2:
                    run.stepped()
    batch = ["on_batch_start", "on_batch_end"]
    assert trace.seen[3:8] == [*batch, *BATCH]
    assert run.batches_done == 2  # the stop waited for the step
    assert run.step == 1


def test_a_failure_goes_through_exception_and_teardown(make_run: MakeRun) -> None:
    seen: list[Any] = []
    spy = Made("spy", on_exception=lambda run, error: seen.append((error, run.reason)))

    def fail(run: Run, value: float) -> None:
        raise ZeroDivisionError("oops")

    with pytest.raises(ZeroDivisionError) as raised, make_run(trace := Trace(), spy) as run:
        train(run, do=fail)
    assert trace.seen == [*START, "on_epoch_start", "on_batch_start", "on_step_end", "on_exception", "on_teardown"]
    assert seen == [(raised.value, "ZeroDivisionError: oops")]


def test_ignite_a_handler_of_exceptions_swallows_the_error(make_run: MakeRun) -> None:
    def fail(run: Run, value: float) -> None:
        raise ZeroDivisionError("oops")

    handles = Made("handles", on_exception=lambda run, error: run.stop("handled"))
    with pytest.raises(ZeroDivisionError, match="oops"), make_run(handles) as run:
        train(run, do=fail)
    assert status(run) == "failed"


def test_a_second_call_of_batches_in_an_epoch_is_refused(make_run: MakeRun) -> None:
    with make_run() as run:
        for _ in run.epochs(1):
            list(run.batches([1.0]))
            with pytest.raises(RunStateError, match="once in each epoch"):
                list(run.batches([1.0]))


def test_batches_outside_of_an_epoch_are_refused(make_run: MakeRun) -> None:
    with pytest.raises(RunStateError, match="in each epoch"), make_run() as run:
        list(run.batches([1.0]))


def test_training_batches_behind_the_validation_of_their_epoch_are_refused_and_not_skipped(make_run: MakeRun) -> None:
    with make_run() as run:
        for _ in run.epochs(1):
            validate(run)
            with pytest.raises(RunStateError, match="before its validation"):
                list(run.batches([1.0]))


def test_a_stage_within_a_stage_is_refused(make_run: MakeRun) -> None:
    refused = pytest.raises(RunStateError, match="test stage cannot begin inside a val stage")
    with make_run() as run:
        for _ in run.epochs(1):
            with run.validation(), refused, run.evaluation("test"):
                pass
            assert run.stage == "train"


def test_a_run_trains_once(make_run: MakeRun) -> None:
    with make_run() as run:
        train(run, epochs=1)
        with pytest.raises(RunStateError, match="training is over"):
            train(run, epochs=1)


def test_a_run_without_training_has_setup_and_teardown(make_run: MakeRun) -> None:
    with make_run(trace := Trace()):
        pass
    assert trace.seen == ["on_setup", "on_teardown"]


def test_a_disabled_callback_is_listed_and_sees_nothing(make_run: MakeRun) -> None:
    with make_run(trace := Trace(enabled=False)) as run:
        train(run, epochs=1)
    assert trace.seen == []
    assert [(info.name, info.enabled) for info in run.callbacks] == [("trace", False)]
