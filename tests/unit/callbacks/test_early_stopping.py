from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineside.callbacks.early_stopping import EarlyStopping
from lineside.control import Kind
from lineside.errors import MonitorError, OptionError
from lineside.testing import CallbackContract, FakeRun

NAN, INF = math.nan, math.inf


class TestContract(CallbackContract):
    def make(self, **options):
        return EarlyStopping(patience=2, **options)


class TestContractOfRestoring(CallbackContract):
    inline_only = True

    def make(self, **options):
        return EarlyStopping(patience=2, restore_best_weights=True, check_finite=False, min_delta="1%", **options)


def played(values, **options) -> FakeRun:
    """Play one epoch for each value of the validation loss, until it is stopped."""
    run = FakeRun([EarlyStopping(**options)])
    return run.play(len(values), lambda epoch: {"val/loss": values[epoch]})


# ---- patience ------------------------------------------------------------------------------------------------------


def test_it_stops_when_patience_is_out_and_says_why() -> None:
    run = played([0.5, 0.4, 0.45, 0.4, 0.6, 0.1], patience=3)
    assert run.epochs_done == 5
    assert run.reason == "val/loss has not improved on 0.4 of epoch 2 for 3 values"
    assert [(request.kind, request.author) for request in run.requests] == [(Kind.STOP, "early-stopping")]


def test_the_reason_is_in_the_language_that_was_asked_for(monkeypatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    assert played([0.4, 0.4], patience=1).reason == "val/loss 连续 1 次没有超过第 1 轮的 0.4"


def test_it_does_not_stop_while_the_metric_improves() -> None:
    run = played([1.0 - 0.01 * epoch for epoch in range(30)], patience=1)
    assert (run.epochs_done, run.stopped, run.requests) == (30, False, [])


def test_more_can_be_better() -> None:
    run = FakeRun([EarlyStopping("val/accuracy", patience=2)])
    run.play(9, lambda epoch: {"val/accuracy": [0.5, 0.6, 0.6, 0.59, 0.9][epoch]})
    assert run.reason == "val/accuracy has not improved on 0.6 of epoch 2 for 2 values"


def test_patience_counts_values_not_epochs() -> None:
    run = FakeRun([EarlyStopping(patience=2)], batches=4)
    run.epoch_end(val_loss=0.5)
    for _ in range(5):
        run.epoch_end(loss=0.1)
    assert not run.stopped
    run.batch_end()
    run.val_end(loss=0.6)
    run.batch_end()
    run.val_end(loss=0.6)
    assert run.stopped
    assert run.step == 26


def test_an_epoch_without_validation_after_a_stop_asks_no_second_time() -> None:
    run = FakeRun([EarlyStopping(patience=1)])
    run.epoch_end(val_loss=0.5)
    run.batch_end()
    run.val_end(loss=0.6)
    run.epoch_end(loss=0.1)
    assert len(run.requests) == 1


# ---- what is an improvement ----------------------------------------------------------------------------------------


def test_a_gain_below_min_delta_is_no_improvement() -> None:
    values = [1.0, 0.95, 0.9, 0.8]
    assert played(values, patience=2, min_delta=0.15).epochs_done == 3
    assert played(values, patience=2, min_delta="15%").epochs_done == 3
    assert played(values, patience=2, min_delta=0.01).epochs_done == 4


def test_slow_gains_add_up_against_the_best() -> None:
    run = played([1.0, 0.9, 0.8, 0.7], patience=3, min_delta=0.15)
    assert not run.stopped


def test_the_baseline_has_to_be_beaten_too() -> None:
    run = played([0.9, 0.8, 0.7, 0.1], patience=3, baseline=0.5)
    assert run.epochs_done == 3
    assert run.reason == "val/loss has not beaten baseline = 0.5 for 3 values; best is 0.7 of epoch 3"
    assert not played([0.9, 0.4, 0.45, 0.3], patience=3, baseline=0.5).stopped


def test_epochs_before_the_first_are_not_looked_at() -> None:
    run = played([0.1, 0.1, 0.9, 0.8, 0.9, 0.9], patience=2, start_from_epoch=2)
    assert run.epochs_done == 6
    assert run.reason == "val/loss has not improved on 0.8 of epoch 4 for 2 values"


# ---- thresholds ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reached", "epochs"), [(0.2, 2), (0.25, 2), (0.3, 3)])
def test_it_stops_as_soon_as_a_value_is_good_enough(reached, epochs) -> None:
    run = played([0.5, reached, 0.2], stopping_threshold=0.25)
    assert run.epochs_done == epochs
    assert (
        run.reason
        == f"val/loss = {[reached, 0.2][epochs - 2]:g} in epoch {epochs} has reached stopping_threshold = 0.25"
    )


def test_lightning_an_accuracy_of_exactly_one_reaches_a_threshold_of_one() -> None:
    run = FakeRun([EarlyStopping("val/accuracy", stopping_threshold=1.0)])
    run.epoch_end(val_accuracy=1.0)
    assert run.stopped


def test_it_stops_as_soon_as_a_value_is_hopeless() -> None:
    assert not played([1.0, 2.0, 1.5], divergence_threshold=2.0).stopped
    run = played([1.0, 2.5, 1.5], divergence_threshold=2.0)
    assert run.reason == "val/loss = 2.5 in epoch 2 is worse than divergence_threshold = 2"


def test_thresholds_hold_for_what_should_go_up() -> None:
    stopping = EarlyStopping("val/accuracy", stopping_threshold=0.9, divergence_threshold=0.1)
    good, bad = FakeRun([stopping]), FakeRun([stopping])
    good.epoch_end(val_accuracy=0.95)
    assert "has reached stopping_threshold = 0.9" in good.requests[-1].reason
    bad.epoch_end(val_accuracy=0.05)
    assert "is worse than divergence_threshold = 0.1" in bad.requests[-1].reason


# ---- numbers that are none -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_it_stops_at_a_value_that_is_not_finite(value) -> None:
    run = played([0.5, value, 0.1])
    assert run.reason == f"val/loss is {value} in epoch 2"


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_without_check_finite_it_uses_up_patience_with_an_alert(value) -> None:
    run = played([0.5, value, value, 0.6, 0.1], patience=3, check_finite=False)
    assert run.epochs_done == 4
    assert [alert.title for alert in run.alerts] == [f"val/loss is {value}"]


def test_keras_nan_in_the_first_epoch_stays_best() -> None:
    stopping = EarlyStopping(patience=3, check_finite=False)
    run = FakeRun([stopping]).play(4, lambda epoch: {"val/loss": [NAN, 0.5, 0.4, 0.45][epoch]})
    assert stopping.best == 0.4
    assert not run.stopped


def test_ignite_a_nan_resets_early_stopping() -> None:
    run = played([0.5, 0.6, NAN, 0.7, 0.8], patience=3, check_finite=False)
    assert run.epochs_done == 4


def test_nothing_but_nan_is_told_as_what_it_is() -> None:
    run = played([NAN] * 5, patience=2, check_finite=False)
    assert run.reason == "val/loss gave no finite value in 2 values"


def test_tnt_zero_counts_as_missing() -> None:
    stopping = EarlyStopping(patience=2)
    run = FakeRun([stopping]).play(9, lambda epoch: {"val/loss": [0.5, 0.0, 0.0, 0.1][epoch]})
    assert (stopping.best, run.epochs_done) == (0.0, 4)


def test_a_metric_that_never_comes_ends_the_run() -> None:
    with pytest.raises(MonitorError, match=r"early-stopping monitors 'val/loss'.*There is: .*val/accuracy"):
        FakeRun([EarlyStopping()]).epoch_end(val_accuracy=0.5)


def test_a_run_without_validation_is_refused_at_start() -> None:
    with pytest.raises(MonitorError, match="pass validation data, or monitor a training metric"):
        FakeRun([EarlyStopping()], has_validation=False).start()


# ---- the best weights ----------------------------------------------------------------------------------------------


def test_the_best_weights_are_pinned_and_put_back() -> None:
    run = played([0.5, 0.4, 0.6, 0.6], patience=2, restore_best_weights=True)
    best = run.checkpoints[1]
    assert [(one.step, one.pins, one.weights_only) for one in run.checkpoints] == [
        (2, ["early-stopping"], True),
        (4, ["early-stopping"], True),
    ]
    assert run.pins == {"early-stopping": best.name}
    assert run.restored == [best.name]
    assert run.requests[-1].reason == "the best val/loss, 0.4, was that of epoch 2"


def test_they_are_put_back_when_all_epochs_are_done_too() -> None:
    run = played([0.5, 0.6], restore_best_weights=True)
    assert (run.stopped, run.restored) == (False, [run.checkpoints[0].name])


def test_nothing_is_put_back_when_the_last_is_the_best() -> None:
    run = played([0.5, 0.4], restore_best_weights=True)
    assert (len(run.checkpoints), run.restored) == (2, [])


def test_the_best_of_a_validation_in_mid_epoch_is_put_back() -> None:
    run = FakeRun([EarlyStopping(restore_best_weights=True)], batches=3)
    run.batch_end()
    run.val_end(loss=0.3)
    run.epoch_end(val_loss=0.5)
    run.train_end()
    assert run.restored == [run.checkpoints[0].name]
    assert run.checkpoints[0].step == 1


def test_the_value_that_reaches_the_threshold_is_the_best_one() -> None:
    run = played([0.5, 0.1], restore_best_weights=True, stopping_threshold=0.2)
    assert (run.stopped, run.restored, run.checkpoints[-1].step) == (True, [], 4)


def test_where_no_value_was_finite_nothing_is_put_back() -> None:
    run = played([NAN, NAN], restore_best_weights=True, check_finite=False)
    assert (run.checkpoints, run.restored) == ([], [])


def test_the_weights_are_left_alone_unless_asked_for() -> None:
    run = played([0.5, 0.6])
    assert (run.checkpoints, run.restored) == ([], [])


def test_the_best_weights_cannot_be_saved_from_the_background() -> None:
    with pytest.raises(OptionError, match="background=True is too late for"):
        EarlyStopping(restore_best_weights=True, background=True)


# ---- resume and reuse ----------------------------------------------------------------------------------------------

VALUES = [0.9, 0.8, 0.85, 0.7, 0.75, 0.75, 0.72, 0.71, 0.5]


@pytest.mark.parametrize("killed_after", range(1, 8))
def test_keras_after_a_resume_the_stopping_epoch_changes(killed_after) -> None:
    uninterrupted = played(VALUES, patience=3)
    run = FakeRun([EarlyStopping(patience=3)])
    for value in VALUES[:killed_after]:
        run.epoch_end(val_loss=value)
    resumed = FakeRun.resumed(run.state(), [EarlyStopping(patience=3)])
    resumed.play(9, lambda epoch: {"val/loss": VALUES[epoch]})
    assert (resumed.epochs_done, resumed.reason) == (max(killed_after, uninterrupted.epochs_done), uninterrupted.reason)


def test_huggingface_counter_restarts_after_resume_and_composer_has_no_state() -> None:
    run = FakeRun([EarlyStopping(patience=3)])
    for value in (0.5, 0.6, 0.6):
        run.epoch_end(val_loss=value)
    resumed = FakeRun.resumed(run.state(), [EarlyStopping(patience=3)])
    resumed.epoch_end(val_loss=0.6)
    assert resumed.stopped


def test_huggingface_two_callbacks_of_one_class_restore_wrongly() -> None:
    def pair() -> list[EarlyStopping]:
        return [
            EarlyStopping("val/loss", name="loss", patience=3),
            EarlyStopping("val/accuracy", name="accuracy", patience=2),
        ]

    run = FakeRun(pair())
    run.epoch_end(val_loss=0.5, val_accuracy=0.6)
    run.epoch_end(val_loss=0.4, val_accuracy=0.5)
    resumed = FakeRun.resumed(run.state(), pair()[::-1])
    resumed.epoch_end(val_loss=0.45, val_accuracy=0.55)
    assert resumed.requests[-1].reason == "val/accuracy has not improved on 0.6 of epoch 1 for 2 values"


def test_lightning_an_early_stopped_run_trains_one_more_epoch_when_resumed() -> None:
    run = FakeRun([EarlyStopping(patience=1)])
    run.epoch_end(val_loss=0.5)
    run.epoch_end(val_loss=0.6)
    assert FakeRun.resumed(run.state(), [EarlyStopping(patience=1)]).play(9).epochs_done == 2


def test_a_resumed_run_may_have_more_patience() -> None:
    run = FakeRun([EarlyStopping(patience=2)])
    run.epoch_end(val_loss=0.5)
    run.epoch_end(val_loss=0.6)
    resumed = FakeRun.resumed(run.state(), [EarlyStopping(patience=3)])
    resumed.epoch_end(val_loss=0.6)
    assert not resumed.stopped
    resumed.epoch_end(val_loss=0.6)
    assert resumed.stopped


def test_a_second_fit_begins_anew() -> None:
    stopping = EarlyStopping(patience=2)
    FakeRun([stopping]).play(2, lambda _: {"val/loss": 0.1})
    run = FakeRun([stopping]).play(9, lambda epoch: {"val/loss": [0.9, 0.8, 0.85, 0.85][epoch]})
    assert run.reason == "val/loss has not improved on 0.8 of epoch 2 for 2 values"


# ---- options -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("patience", 0), ("patience", 1.5), ("start_from_epoch", -1), ("min_delta", -0.1), ("min_delta", "few")),
        *(("baseline", NAN), ("stopping_threshold", "low"), ("divergence_threshold", INF), ("mode", "minimum")),
        *(("monitor", ""), ("on_error", "ignore")),
    ],
)
def test_an_option_out_of_range_is_refused_by_name(option, value) -> None:
    with pytest.raises(OptionError, match=f"{option}={value!r}"):
        EarlyStopping(**{option: value})


def test_it_needs_a_host_that_can_restore_only_if_it_restores() -> None:
    assert EarlyStopping().needs == frozenset()
    assert EarlyStopping(restore_best_weights=True).needs == {"restore"}


# ---- beside Lightning's --------------------------------------------------------------------------------------------

EIGHTHS = st.integers(-16, 16).map(lambda number: number / 8)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(EIGHTHS | st.sampled_from([NAN, INF, -INF]), min_size=1, max_size=25),
    mode=st.sampled_from(["min", "max"]),
    patience=st.integers(1, 5),
    min_delta=st.sampled_from([0.0, 0.125, 0.5]),
    check_finite=st.booleans(),
    stopping=st.none() | EIGHTHS.map(lambda value: value + 1 / 16),
    divergence=st.none() | EIGHTHS.map(lambda value: value + 1 / 16),
)
def test_it_stops_where_lightning_stops(
    *, values, mode, patience, min_delta, check_finite, stopping, divergence
) -> None:
    torch = pytest.importorskip("torch")
    peers = pytest.importorskip("lightning.pytorch.callbacks.early_stopping")
    if not check_finite:
        # There Lightning lets an infinity become the best for ever; ours does not.
        values = [value for value in values if value not in (INF, -INF)] or [0.0]
    options = {
        "patience": patience,
        "min_delta": min_delta,
        "mode": mode,
        "check_finite": check_finite,
        "stopping_threshold": stopping,
        "divergence_threshold": divergence,
    }
    peer = peers.EarlyStopping("val_loss", **options)
    decisions = (peer._evaluate_stopping_criteria(torch.tensor(value, dtype=torch.float64))[0] for value in values)
    expected = next((number for number, stops in enumerate(decisions, start=1) if stops), None)
    run = played(values, **options)
    assert (run.epochs_done if run.stopped else None) == expected
