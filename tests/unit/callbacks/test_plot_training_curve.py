from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping
from typing import Any

import pytest

from lineside.callback import Callback
from lineside.callbacks import plot_training_curve
from lineside.callbacks.plot_training_curve import PlotTrainingCurveCallback
from lineside.errors import MissingDependency, OptionError
from lineside.ports import RunView
from lineside.testing import CallbackContract, FakeRun


class TestContract(CallbackContract):
    def make(self, **options: Any) -> PlotTrainingCurveCallback:
        return PlotTrainingCurveCallback(**options)


class Watching(Callback):
    def __init__(self, monitor: str, mode: str = "auto") -> None:
        super().__init__()
        self.monitor, self.mode = monitor, mode

    def on_epoch_end(self, run: RunView) -> None:
        """Nothing; what counts are the options."""


@pytest.fixture
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw whenever it is due; epochs of a fake run take two seconds."""
    monkeypatch.setattr(plot_training_curve, "_REST", 0.0)


def last(run: FakeRun) -> Mapping[str, Any]:
    return run.offloads[-1].arguments


@pytest.mark.usefixtures("restless")
def test_it_draws_each_epoch_and_at_the_end_into_the_run_directory() -> None:
    run = FakeRun([PlotTrainingCurveCallback()], lr=0.5, project="digits").play(2)
    assert [job.key for job in run.offloads] == ["plot-training-curve"] * 3
    drawn = last(run)
    assert drawn["path_png"] == str(run.dir / "plots" / "training_curve.png")
    assert drawn["path_svg"] == str(run.dir / "plots" / "training_curve.svg")
    assert drawn["title"] == "digits / fake"
    assert drawn["subtitle"] == "all epochs are done"
    assert drawn["series"] == {
        "train/loss": [[2, 0, 1.0], [4, 1, 0.5]],
        "lr": [[2, 0, 0.5], [4, 1, 0.5]],
        "val/loss": [[2, 0, 1.5], [4, 1, 0.75]],
    }


def test_the_job_draws_pictures() -> None:
    run = FakeRun([PlotTrainingCurveCallback()]).play(3)
    run.offloads[-1].run()
    assert (run.dir / "plots" / "training_curve.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (run.dir / "plots" / "training_curve.svg").read_bytes()


@pytest.mark.parametrize(("every", "jobs"), [("2 epochs", 3), ("5 steps", 3), ("100 epochs", 1)])
@pytest.mark.usefixtures("restless")
def test_it_draws_as_often_as_it_is_told(every: str, jobs: int) -> None:
    run = FakeRun([PlotTrainingCurveCallback(every=every)]).play(5)
    assert len(run.offloads) == jobs


def test_short_epochs_wait_for_their_turn_but_the_end_is_drawn() -> None:
    run = FakeRun([PlotTrainingCurveCallback()], batches=1).play(12)
    assert [len(job.arguments["series"]["train/loss"]) for job in run.offloads] == [1, 6, 11, 12]


@pytest.mark.usefixtures("restless")
def test_a_validation_in_mid_epoch_is_a_point_of_its_own() -> None:
    run = FakeRun([PlotTrainingCurveCallback(every="1 step")], batches=4)
    run.batch_end(loss=1.0)
    run.val_end(val_loss=0.75)
    assert last(run)["series"] == {"val/loss": [[1, 0, 0.75]]}
    run.epoch_end(loss=0.5, val_loss=0.25)
    assert last(run)["series"]["val/loss"] == [[1, 0, 0.75], [4, 0, 0.25]]


def test_values_that_come_late_belong_to_the_epoch() -> None:
    run = FakeRun([PlotTrainingCurveCallback()])
    run.epoch_end({"train/loss": 0.5, "val/loss": 0.25}, late=["val/loss"])
    assert last(run)["series"]["val/loss"] == [[2, 0, 0.25]]


@pytest.mark.usefixtures("restless")
def test_an_epoch_without_validation_adds_no_stale_point() -> None:
    run = FakeRun([PlotTrainingCurveCallback()])
    run.epoch_end(loss=0.5, val_loss=0.5)
    run.epoch_end(loss=0.5)
    assert len(last(run)["series"]["val/loss"]) == 1
    assert len(last(run)["series"]["train/loss"]) == 2


def test_only_the_metrics_asked_for() -> None:
    run = FakeRun([PlotTrainingCurveCallback(metrics=["val_f1", "loss"])])
    run.epoch_end({"train/loss": 0.5, "val/f1": 0.5, "val/loss": 0.25})
    assert sorted(last(run)["series"]) == ["train/loss", "val/f1"]


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ([0.5, 0.25, 0.75], ["val/loss", 4, 1, 0.25]),
        ([math.nan, 0.5, -math.inf], ["val/loss", 4, 1, 0.5]),
        ([0.0, 0.5], ["val/loss", 2, 0, 0.0]),
        ([math.nan], None),
    ],
)
@pytest.mark.usefixtures("restless")
def test_the_best_value_is_marked(values: list[float], best: list[Any] | None) -> None:
    run = FakeRun([PlotTrainingCurveCallback()])
    for value in values:
        run.epoch_end(val_loss=value)
    assert last(run)["marks"]["best"] == best


@pytest.mark.parametrize(
    ("watching", "best"),
    [
        (Watching("val_accuracy"), ["val/accuracy", 4, 1, 0.75]),
        (Watching("val/odd", "max"), ["val/odd", 2, 0, 3.0]),
        (Watching("val/odd"), None),
        (Watching("val/never"), ["train/loss", 4, 1, 0.5]),
    ],
)
@pytest.mark.usefixtures("restless")
def test_the_best_is_that_of_the_metric_that_others_monitor(watching: Watching, best: list[Any] | None) -> None:
    run = FakeRun([watching, PlotTrainingCurveCallback()])
    run.epoch_end({"train/loss": 1.0, "val/accuracy": 0.25, "val/odd": 3.0})
    run.epoch_end({"train/loss": 0.5, "val/accuracy": 0.75, "val/odd": 2.0})
    assert last(run)["marks"]["best"] == best


@pytest.mark.parametrize(
    ("rates", "cuts"),
    [
        ([1.0, 1.0, 0.5, 0.5, 0.25], [[6, 2], [10, 4]]),
        ([1.0, 0.9, 0.81, 0.73], []),
        ([0.1, 0.2, 0.2, 0.2], []),
        ([value for level in range(30) for value in [0.5**level] * 2], []),
    ],
)
@pytest.mark.usefixtures("restless")
def test_cuts_of_the_learning_rate_are_marked_and_schedules_are_not(rates: list[float], cuts: list[list[int]]) -> None:
    run = FakeRun([PlotTrainingCurveCallback()])
    for rate in rates:
        run.set_lr(rate)
        run.start()
        run.settle()
        run.epoch_end(loss=0.5)
    assert last(run)["marks"]["lr_cuts"] == cuts


def test_an_early_stop_is_marked_with_its_reason() -> None:
    run = FakeRun([PlotTrainingCurveCallback()], epochs=10)
    run.epoch_end(loss=0.5)
    run.stop("enough")
    run.settle()
    run.train_end()
    assert last(run)["marks"]["stopped"] == [2, 0]
    assert last(run)["subtitle"] == "enough"


def test_a_run_that_went_to_its_end_was_not_stopped() -> None:
    assert last(FakeRun([PlotTrainingCurveCallback()]).play(2))["marks"]["stopped"] is None


def test_a_failure_leaves_nothing_undrawn() -> None:
    run = FakeRun([PlotTrainingCurveCallback(every="10 epochs")])
    run.epoch_end(loss=0.5)
    run.fail(RuntimeError("boom"))
    assert len(run.offloads) == 1
    assert last(run)["series"]["train/loss"] == [[2, 0, 0.5]]


def test_nothing_is_drawn_where_there_is_nothing() -> None:
    run = FakeRun([PlotTrainingCurveCallback()])
    run.start()
    run.train_end()
    assert run.offloads == []


@pytest.mark.usefixtures("restless")
def test_a_resumed_run_shows_the_whole_curve() -> None:
    run = FakeRun([PlotTrainingCurveCallback()])
    run.epoch_end(loss=0.5)
    again = FakeRun.resumed(run.state(), [PlotTrainingCurveCallback()])
    again.epoch_end(loss=0.25)
    assert last(again)["series"]["train/loss"] == [[2, 0, 0.5], [4, 1, 0.25]]


def test_a_second_one_bears_its_name_and_the_language_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    callbacks = [
        PlotTrainingCurveCallback(),
        PlotTrainingCurveCallback(name="losses", formats=["svg"], metrics=["loss"]),
    ]
    run = FakeRun(callbacks)
    run.epoch_end(loss=0.5, f1=0.5)
    first, second = (job.arguments for job in run.offloads)
    assert first["path_png"].endswith("training_curve.png")
    assert (second["path_png"], second["path_svg"]) == (None, str(run.dir / "plots" / "losses.svg"))
    assert second["language"] == "zh"


@pytest.mark.parametrize("formats", ["png", [], ["pmg"], ["png", "pdf"]])
def test_an_unknown_format_is_refused(formats: Any) -> None:
    with pytest.raises(OptionError, match="'png' and 'svg'"):
        PlotTrainingCurveCallback(formats=formats)


def test_without_matplotlib_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "lineside.callbacks.plot_training_curve.find_spec", lambda name: None if name == "matplotlib" else real(name)
    )
    with pytest.raises(MissingDependency, match=r"pip install 'lineside\[plots\]'"):
        PlotTrainingCurveCallback()
