from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineside.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from lineside.errors import AttachError, MonitorError, OptionError
from lineside.testing import CallbackContract, FakeRun

NAN, INF = math.nan, math.inf


class TestContract(CallbackContract):
    def make(self, **options):
        return ReduceLROnPlateau(factor=0.5, patience=1, cooldown=1, verbose=True, **options)


def rates(values, lr=0.1, **options) -> list[float]:
    """Return the learning rate after each epoch with these validation losses."""
    run = FakeRun([ReduceLROnPlateau(**options)], lr=lr)
    history = []
    for value in values:
        run.epoch_end(val_loss=value)
        history.append(run.lr["0"])
    return history


def test_the_rate_is_lowered_when_patience_is_out() -> None:
    assert rates([0.5, 0.5, 0.5, 0.4, 0.4, 0.4], factor=0.5, patience=2, lr=0.8) == [0.8, 0.8, 0.4, 0.4, 0.4, 0.2]


def test_the_reason_is_recorded() -> None:
    run = FakeRun([ReduceLROnPlateau(patience=1)])
    run.epoch_end(val_loss=0.5)
    run.epoch_end(val_loss=0.5)
    (request,) = run.requests
    assert (request.author, request.reason) == ("reduce-lr-on-plateau", "val/loss has not improved for 1 value")
    assert run.alerts == []


def test_more_can_be_better() -> None:
    run = FakeRun([ReduceLROnPlateau("val/accuracy", patience=1)], lr=1.0)
    run.epoch_end(val_accuracy=0.5)
    run.epoch_end(val_accuracy=0.6)
    assert run.lr == {"0": 1.0}
    run.epoch_end(val_accuracy=0.6)
    assert run.lr == {"0": 0.1}


def test_a_gain_below_min_delta_is_no_improvement() -> None:
    assert rates([1.0, 0.99995], patience=1, lr=1.0) == [1.0, 0.1]
    assert rates([1.0, 0.9], patience=1, lr=1.0, min_delta="20%") == [1.0, 0.1]
    assert rates([1.0, 0.9], patience=1, lr=1.0, min_delta="5%") == [1.0, 1.0]


def test_values_in_the_cooldown_use_up_no_patience() -> None:
    assert rates([0.5] * 7, factor=0.5, patience=1, cooldown=2, lr=1.0) == [1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]


def test_no_rate_is_lowered_below_the_least() -> None:
    assert rates([0.5] * 4, factor=0.5, patience=1, min_lr=0.3, lr=1.0) == [1.0, 0.5, 0.3, 0.3]


def test_a_group_that_is_already_there_is_left_alone() -> None:
    run = FakeRun([ReduceLROnPlateau(patience=1, factor=0.5, min_lr=0.1)], lr={"body": 0.05, "head": 1.0})
    run.epoch_end(val_loss=0.5)
    run.epoch_end(val_loss=0.5)
    assert run.lr == {"body": 0.05, "head": 0.5}
    assert [request.arguments["group"] for request in run.requests] == ["head"]


def test_groups_keep_their_proportions() -> None:
    run = FakeRun([ReduceLROnPlateau(patience=1, factor=0.5)], lr={"body": 0.5, "head": 1.0})
    run.epoch_end(val_loss=0.5)
    run.epoch_end(val_loss=0.5)
    assert run.lr == {"body": 0.25, "head": 0.5}


def test_one_group_can_be_chosen() -> None:
    run = FakeRun([ReduceLROnPlateau(patience=1, factor=0.5, group="head")], lr={"body": 0.5, "head": 1.0})
    run.epoch_end(val_loss=0.5)
    run.epoch_end(val_loss=0.5)
    assert run.lr == {"body": 0.5, "head": 0.5}


def test_a_group_that_is_not_there_is_refused_at_start() -> None:
    run = FakeRun([ReduceLROnPlateau(group="heads")], lr={"body": 0.5, "head": 1.0})
    with pytest.raises(AttachError, match=r"Did you mean 'head'\? There is: body, head"):
        run.start()


def test_it_tells_people_only_if_it_is_to() -> None:
    run = FakeRun([ReduceLROnPlateau(patience=1, factor=0.5, verbose=True)], lr={"body": 0.5, "head": 1.0})
    run.epoch_end(val_loss=0.5)
    run.epoch_end(val_loss=0.5)
    (alert,) = run.alerts
    assert (alert.level, alert.durable, alert.title) == ("info", False, "Learning rate lowered")
    assert alert.text == "val/loss has not improved for 1 value: body: 0.5 → 0.25, head: 1 → 0.5"


def test_where_nothing_can_be_lowered_nobody_is_told() -> None:
    run = FakeRun([ReduceLROnPlateau(patience=1, min_lr=0.1, verbose=True)], lr=0.1)
    run.epoch_end(val_loss=0.5)
    run.epoch_end(val_loss=0.5)
    assert (run.requests, run.alerts) == ([], [])


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_what_is_not_finite_is_no_improvement_and_an_alert(value) -> None:
    run = FakeRun([ReduceLROnPlateau(patience=2)], lr=1.0)
    for given_value in (0.5, value, value, 0.4):
        run.epoch_end(val_loss=given_value)
    assert run.lr == {"0": 0.1}
    assert [alert.title for alert in run.alerts] == [f"val/loss is {value}"]


def test_keras_nan_in_the_first_epoch_stays_best() -> None:
    assert rates([NAN, 0.5, 0.4, 0.3], patience=2, lr=1.0) == [1.0] * 4


def test_tnt_zero_counts_as_missing() -> None:
    assert rates([0.5, 0.0, 0.1], patience=1, lr=1.0) == [1.0, 1.0, 0.1]


def test_a_metric_that_never_comes_ends_the_run() -> None:
    with pytest.raises(MonitorError, match="reduce-lr-on-plateau monitors 'val/loss'"):
        FakeRun([ReduceLROnPlateau()]).epoch_end(val_accuracy=0.5)


@pytest.mark.parametrize("killed_after", range(1, 9))
def test_a_resumed_run_lowers_the_rate_where_the_uninterrupted_one_does(killed_after) -> None:
    values = [0.5, 0.4, 0.45, 0.41, 0.4, 0.42, 0.43, 0.3, 0.35, 0.4]
    options = {"factor": 0.5, "patience": 2, "cooldown": 1}
    whole = rates(values, lr=1.0, **options)
    run = FakeRun([ReduceLROnPlateau(**options)], lr=1.0)
    for value in values[:killed_after]:
        run.epoch_end(val_loss=value)
    resumed = FakeRun.resumed(run.state(), [ReduceLROnPlateau(**options)])
    for number, value in enumerate(values[killed_after:], start=killed_after):
        resumed.epoch_end(val_loss=value)
        assert resumed.lr == {"0": whole[number]}


def test_a_second_fit_begins_anew() -> None:
    plateau = ReduceLROnPlateau(patience=2)
    FakeRun([plateau]).play(2, lambda _: {"val/loss": 0.1})
    run = FakeRun([plateau], lr=1.0).play(2, lambda _: {"val/loss": 0.5})
    assert run.lr == {"0": 1.0}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("factor", 1.0), ("factor", 0.0), ("factor", -0.5), ("patience", 0), ("cooldown", -1), ("min_lr", -0.1)),
        *(("min_delta", -0.1), ("min_delta", "1"), ("mode", "minimum"), ("monitor", "val/gap")),
    ],
)
def test_an_option_out_of_range_is_refused_by_name(option, value) -> None:
    with pytest.raises(OptionError, match=f"{option}|{value}"):
        ReduceLROnPlateau(**{option: value})


def test_it_needs_a_host_that_can_set_the_rate() -> None:
    assert ReduceLROnPlateau().needs == {"set_lr"}


# ---- beside torch's ------------------------------------------------------------------------------------------------

EIGHTHS = st.integers(1, 32).map(lambda number: number / 8)


@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(EIGHTHS | st.just(NAN), min_size=1, max_size=25),
    mode=st.sampled_from(["min", "max"]),
    factor=st.sampled_from([0.1, 0.5, 0.9]),
    patience=st.integers(1, 4),
    threshold=st.sampled_from([("abs", 0.0, 0.0), ("abs", 0.125, 0.125), ("abs", 0.5, 0.5), ("rel", 0.25, "25%")]),
    cooldown=st.integers(0, 3),
    min_lr=st.sampled_from([0.0, 0.01, 0.25]),
)
def test_rates_fall_where_those_of_torch_fall(*, values, mode, factor, patience, threshold, cooldown, min_lr) -> None:
    torch = pytest.importorskip("torch")
    groups = [{"params": [torch.zeros(1)], "lr": 1.0}, {"params": [torch.zeros(1)], "lr": 0.1}]
    optimizer = torch.optim.SGD(groups)
    kind, amount, min_delta = threshold
    peer = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode, factor, patience - 1, amount, kind, cooldown, min_lr, eps=0.0
    )
    ours = ReduceLROnPlateau(
        mode=mode, factor=factor, patience=patience, min_delta=min_delta, cooldown=cooldown, min_lr=min_lr
    )
    run = FakeRun([ours], lr={"body": 1.0, "head": 0.1}, batches=1)
    for value in values:
        peer.step(value)
        run.epoch_end(val_loss=value)
        assert list(run.lr.values()) == [group["lr"] for group in optimizer.param_groups]
