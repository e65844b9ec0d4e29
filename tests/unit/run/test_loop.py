from __future__ import annotations

import gc
import signal
import weakref
from typing import Any

import pytest

from lineside.errors import OptionError, RunStateError
from lineside.run import Run
from tests.unit.run.deaths import interrupted
from tests.unit.run.steered import SteeredHost
from tests.unit.run.toys import Made, MakeRun, Trace, train, validate


@pytest.mark.parametrize(
    ("count", "steps", "why"),
    [
        (0, None, "epochs=0 must be a whole number above 0"),
        (-1, None, "epochs=-1"),
        (1.5, None, "epochs=1.5"),
        ("3", None, "epochs='3'"),
        (None, 0, "steps=0"),
        (None, None, "Say how long to train"),
    ],
)
def test_a_length_that_is_none_is_refused(make_run: MakeRun, count: Any, steps: Any, why: str) -> None:
    with make_run(trace := Trace()) as run:
        with pytest.raises(OptionError) as refusal:
            next(run.epochs(count, steps=steps))
        assert why in str(refusal.value)
    assert trace.seen == ["on_setup", "on_teardown"]


def test_the_nearer_of_two_limits_counts(make_run: MakeRun) -> None:
    with make_run() as run:
        train(run, epochs=5, steps=3)
    assert (run.step, run.reason) == (3, "all 3 steps are done")
    with make_run() as run:
        train(run, epochs=1, steps=100)
    assert (run.step, run.reason) == (2, "the one epoch is done")


def test_planned_counts_can_be_read(make_run: MakeRun) -> None:
    seen: list[Any] = []
    spy = Made(
        "spy",
        on_batch_end=lambda run: seen.append((run.total_epochs, run.total_steps, run.total_batches)),
        on_val_batch_end=lambda run: seen.append((run.total_epochs, run.total_steps, run.total_batches)),
    )
    with make_run(spy) as run:
        train(run, epochs=1, steps=9, batches=[1.0, 2.0], validation=[3.0])
    assert seen == [(1, 9, 2), (1, 9, 2), (1, 9, 1)]


def test_a_loader_without_a_length_has_none(make_run: MakeRun) -> None:
    seen: list[Any] = []
    with make_run(Made("spy", on_batch_end=lambda run: seen.append(run.total_batches))) as run:
        train(run, epochs=1, batches=(value for value in (1.0, 2.0)), validation=None)
    assert seen == [None, None]


def test_a_limit_of_batches_holds_for_every_stage(make_run: MakeRun) -> None:
    with make_run(trace := Trace(lambda run: run.total_batches)) as run:
        run.batch_limit = 2
        train(run, epochs=2, batches=range(10), validation=range(5))
    hooks = [hook for hook, _ in trace.seen]
    assert hooks.count("on_batch_end") == 4
    assert hooks.count("on_val_batch_end") == 4
    assert {total for hook, total in trace.seen if hook == "on_batch_end"} == {2}


def test_the_history_has_one_value_an_epoch_of_what_was_published_in_it(make_run: MakeRun) -> None:
    with make_run() as run:
        for epoch in run.epochs(3):
            for value in run.batches([1.0, 3.0]):
                run.log({"loss": value + epoch})
            run.log({"once": epoch, "system/gpu": 0.5})
            if epoch % 2 == 0:
                validate(run, [epoch])
                validate(run, [epoch + 0.5])
    assert run.history == {
        "train/loss": [2.0, 3.0, 4.0],
        "train/once": [0.0, 1.0, 2.0],
        "val/loss": [0.5, 2.5],  # the newest of its epoch
    }


def test_means_are_weighted_by_samples(make_run: MakeRun) -> None:
    with make_run() as run:
        for _ in run.epochs(1):
            for values in run.batches([[1.0, 1.0, 1.0], [5.0]]):
                run.log({"loss": values[0]})
            with run.validation():
                for values in run.batches([[2.0], [6.0, 6.0, 6.0]]):
                    run.log({"loss": values[0]})
    assert run.history == {"train/loss": [2.0], "val/loss": [5.0]}


def test_rates_are_metrics_of_the_epoch(make_run: MakeRun) -> None:
    host = SteeredHost()
    with make_run(host=host) as run:
        train(run, epochs=1)
    assert run.history["lr"] == [0.1]
    host.rates["head"] = 0.01
    with make_run(host=host) as run:
        train(run, epochs=1)
    assert (run.history["lr"], run.history["lr/0"], run.history["lr/head"]) == ([0.1], [0.1], [0.01])


class Loader:
    def __init__(self, *values: float) -> None:
        self.values = values

    def __iter__(self) -> Any:
        return iter(self.values)


def test_a_loop_that_makes_a_loader_an_epoch_does_not_keep_them_all(make_run: MakeRun) -> None:
    made: list[weakref.ref[Loader]] = []
    with make_run() as run:
        for _ in run.epochs(40):
            loader = Loader(1.0, 2.0)
            made.append(weakref.ref(loader))
            for _ in run.batches(loader):
                run.stepped()
        del loader
        gc.collect()
        assert sum(ref() is not None for ref in made) <= 8
    assert run.step == 80


def test_an_epoch_that_goes_on_inexactly_says_so(make_run: MakeRun, caplog: pytest.LogCaptureFixture) -> None:
    interrupted(make_run)
    with (
        pytest.raises(OptionError, match=r"The training data gave no batch in epoch 2\. Is it empty"),
        make_run(resume="auto") as run,
    ):
        train(run, batches=iter([1.0, 2.0]), validation=None)
    assert "The resume is not exact: the data is an iterator, which cannot be read twice." in caplog.text


def test_an_epoch_that_goes_on_exactly_says_nothing(make_run: MakeRun, caplog: pytest.LogCaptureFixture) -> None:
    interrupted(make_run)
    with make_run(resume="auto") as run:
        train(run)
    assert "not exact" not in caplog.text


def test_a_signal_behind_the_training_ends_an_evaluation(make_run: MakeRun) -> None:
    def train_and_test(run: Run) -> None:
        train(run, epochs=1)
        with run.evaluation("test"):
            for value in run.batches([1, 2, 3]):
                if value == 2:
                    signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SystemExit), make_run(trace := Trace()) as run:
        train_and_test(run)
    assert trace.seen.count("on_test_batch_end") == 2
    assert "on_test_end" not in trace.seen


def test_a_training_that_only_steps_could_end_is_not_let_run_for_ever(make_run: MakeRun) -> None:
    def endless(run: Run) -> None:
        for _ in run.epochs(steps=10):
            list(run.batches([1.0]))

    with make_run() as run, pytest.raises(RunStateError, match=r"without an optimizer step.*run\.stepped\(\)"):
        endless(run)
