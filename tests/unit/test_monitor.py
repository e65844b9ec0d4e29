from __future__ import annotations

import json
import math

import pytest

from lineside.errors import MonitorError, OptionError
from lineside.monitor import Mode, Monitor, direction
from lineside.testing import FakeRun


def a_run(*, has_validation: bool | None = True) -> FakeRun:
    return FakeRun(has_validation=has_validation)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "loss",
            "val/loss",
            "val_loss",
            "train/log_loss",
            "box_loss",
            "val/error",
            "val/mse",
            "val_mae",
            "perplexity",
        ),
        *("val/wer", "focalloss", "val/nll"),
    ],
)
def test_losses_and_errors_go_down(name: str) -> None:
    assert direction(name, "auto") == "min"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "accuracy",
            "val/accuracy",
            "val_acc",
            "val/f1",
            "macro_f1",
            "val/auc",
            "metrics/mAP50(B)",
            "val/mAP50-95(B)",
        ),
        *("val/top5", "val/f1-score", "val/balanced_accuracy", "bleu", "fitness", "metrics/precision(B)"),
    ],
)
def test_accuracies_and_scores_go_up(name: str) -> None:
    assert direction(name, "auto") == "max"


@pytest.mark.parametrize("name", ["val/reward", "temperature", "val/f1_loss", "top1_error", "classy", "val/gloss_ary"])
def test_nothing_is_guessed(name: str) -> None:
    with pytest.raises(OptionError, match=r"cannot tell which way .* say mode='min' or mode='max'"):
        Monitor(name)
    assert Monitor(name, "min").mode == "min"


@pytest.mark.parametrize("mode", ["minn", "", None, "MAX"])
def test_an_unknown_mode_is_refused(mode: Mode) -> None:
    with pytest.raises(OptionError, match="Use auto, min or max"):
        Monitor("val/loss", mode)


@pytest.mark.parametrize("metric", ["", None, 3])
def test_a_monitor_needs_the_name_of_a_metric(metric: str) -> None:
    with pytest.raises(OptionError, match="give the name of a metric"):
        Monitor(metric)


@pytest.mark.parametrize(
    ("metric", "of_validation"),
    [
        ("val/loss", True),
        ("val_loss", True),
        ("eval_loss", True),
        ("metrics/mAP50(B)", True),
        ("loss", False),
        ("train/loss", False),
        ("system/score", False),
    ],
)
def test_it_knows_what_validation_computes(metric: str, of_validation: bool) -> None:
    assert Monitor(metric, "min").of_validation is of_validation


def test_a_value_is_fresh_once() -> None:
    run, monitor = a_run(), Monitor("val_loss")
    assert monitor.fresh(run) is None
    run.epoch_end(val_loss=0.0)
    point = monitor.fresh(run)
    assert point is not None
    assert point.value == 0.0
    assert monitor.fresh(run) is None
    run.epoch_end(val_loss=0.0)
    assert monitor.fresh(run) is not None


def test_a_value_of_an_earlier_epoch_is_stale() -> None:
    run, monitor = a_run(), Monitor("val/loss")
    run.epoch_end(val_loss=0.5)
    monitor.fresh(run)
    run.epoch_end(loss=0.1)
    assert "val/loss" in run.metrics
    assert monitor.fresh(run) is None


def test_what_was_seen_survives_json_and_not_a_reset() -> None:
    run, monitor, again = a_run(), Monitor("val/loss"), Monitor("val/loss")
    run.epoch_end(val_loss=0.5)
    monitor.fresh(run)
    again.load_state_dict(json.loads(json.dumps(monitor.state_dict())))
    assert again.fresh(run) is None
    again.reset()
    assert again.fresh(run) is not None


@pytest.mark.parametrize(
    ("mode", "value", "than", "by", "better"),
    [
        ("min", 0.4, 0.5, 0.0, True),
        ("min", 0.5, 0.5, 0.0, False),
        ("min", 0.45, 0.5, 0.1, False),
        ("min", 0.0, math.inf, 0.1, True),
        ("min", -math.inf, -1.0, 0.0, True),
        ("max", 0.6, 0.5, 0.0, True),
        ("max", 0.5, 0.5, 0.0, False),
        ("max", 0.55, 0.5, 0.1, False),
        ("max", 0.0, -math.inf, 0.1, True),
        ("min", math.nan, math.inf, 0.0, False),
        ("max", math.nan, math.nan, 0.0, False),
        ("min", math.inf, math.nan, 0.0, True),
        ("max", -math.inf, math.nan, 5.0, True),
        ("min", math.inf, math.inf, 0.0, False),
    ],
)
def test_what_is_better(mode: Mode, value: float, than: float, by: float, better: bool) -> None:
    assert Monitor("x", mode).better(value, than, by) is better


def test_any_number_improves_upon_the_worst() -> None:
    assert Monitor("loss").better(1e300, Monitor("loss").worst)
    assert Monitor("acc").better(-1e300, Monitor("acc").worst)


def test_a_validation_metric_is_refused_where_there_is_no_validation() -> None:
    with pytest.raises(MonitorError, match=r"early-stopping monitors 'val/loss', but this run has no validation"):
        Monitor("val/loss").check_start(a_run(has_validation=False), "early-stopping")
    Monitor("val/loss").check_start(a_run(has_validation=None), "early-stopping")
    Monitor("val/loss").check_start(a_run(), "early-stopping")
    Monitor("train/loss").check_start(a_run(has_validation=False), "early-stopping")


def test_a_metric_that_never_came_is_named_with_what_there_is() -> None:
    run = a_run()
    run.epoch_end(val_accuracy=0.5)
    with pytest.raises(MonitorError) as error:
        Monitor("val/acuracy", "max").check_published(run, "early-stopping")
    for word in ("early-stopping", "'val/acuracy'", "Did you mean 'val/accuracy'?", "There is: "):
        assert word in str(error.value)
    Monitor("val_accuracy").check_published(run, "early-stopping")
