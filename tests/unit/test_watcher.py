from __future__ import annotations

import math

import pytest

from lineside import Callback
from lineside.errors import MonitorError, OptionError
from lineside.testing import FakeRun
from lineside.watcher import Watcher


class Seen(Watcher):
    """Keeps the values it is shown, with their steps."""

    def on_setup(self, run) -> None:
        super().on_setup(run)
        self.values = []

    def decide(self, run, point) -> None:
        self.values.append((point.value, point.step))
        self.warn_if_not_finite(run, point)


def test_each_fresh_value_is_shown_once() -> None:
    seen = Seen("val_loss")
    run = FakeRun([seen])
    run.epoch_end(val_loss=0.5)
    run.epoch_end(loss=0.1)
    run.epoch_end(val_loss=0.5)
    assert seen.values == [(0.5, 2), (0.5, 6)]


def test_a_validation_in_mid_epoch_counts() -> None:
    seen = Seen("val/loss")
    run = FakeRun([seen], batches=4)
    run.batch_end()
    run.val_end(loss=0.5)
    run.epoch_end(val_loss=0.4)
    assert seen.values == [(0.5, 1), (0.4, 4)]


def test_a_value_that_the_host_publishes_later_is_seen_in_the_same_epoch() -> None:
    seen = Seen("val/loss")
    run = FakeRun([seen])
    run.epoch_end(val_loss=0.5, val_accuracy=0.9, late=["val_loss"])
    assert seen.values == [(0.5, 2)]


def test_a_value_that_a_later_callback_computes_is_seen_in_the_same_epoch() -> None:
    class Computes(Callback):
        def on_epoch_end(self, run) -> None:
            run.log({"val/gap": run.metrics["val/loss"] - run.metrics["train/loss"]})

    seen = Seen("val/gap", "min")
    run = FakeRun([seen, Computes()])
    run.epoch_end(loss=0.25, val_loss=0.5)
    assert seen.values == [(0.25, 2)]


def test_tnt_zero_counts_as_missing() -> None:
    seen = Seen("val/loss")
    FakeRun([seen]).epoch_end(val_loss=0.0)
    assert seen.values == [(0.0, 2)]


def test_epochs_before_the_first_are_passed_over() -> None:
    seen = Seen("val/loss")
    seen.start_from_epoch = 2
    run = FakeRun([seen])
    run.epoch_end(loss=0.5)
    for value in (0.5, 0.4, 0.3):
        run.epoch_end(val_loss=value)
    assert seen.values == [(0.4, 6), (0.3, 8)]


def test_a_validation_metric_without_validation_is_refused_at_start() -> None:
    run = FakeRun([Seen("val/loss")], has_validation=False)
    with pytest.raises(MonitorError, match="seen monitors 'val/loss', but this run has no validation"):
        run.start()


@pytest.mark.parametrize("has_validation", [None, True])
def test_it_starts_where_there_may_be_a_validation(has_validation) -> None:
    seen = Seen("val/loss")
    FakeRun([seen], has_validation=has_validation).epoch_end(val_loss=0.5)
    assert len(seen.values) == 1


def test_a_validation_metric_must_be_there_after_the_first_validation() -> None:
    run = FakeRun([Seen("val/los", "min")])
    run.epoch_end(loss=0.5)
    with pytest.raises(MonitorError, match=r"Did you mean 'val/loss'.*There is: lr, time/epoch, train/loss, val/loss"):
        run.epoch_end(loss=0.5, val_loss=0.4)


def test_a_validation_that_has_ended_before_a_resume_counts() -> None:
    run = FakeRun([Seen("val/f1")])
    run.batch_end()
    run.val_end(loss=0.5)
    resumed = FakeRun.resumed(run.state(), [Seen("val/f1")])
    with pytest.raises(MonitorError, match="val/f1"):
        resumed.epoch_end()


def test_another_metric_must_be_there_after_the_first_epoch_that_counts() -> None:
    with pytest.raises(MonitorError, match="by epoch 1"):
        FakeRun([Seen("train/f1")]).epoch_end(loss=0.5)
    seen = Seen("train/f1")
    seen.start_from_epoch = 2
    run = FakeRun([seen])
    run.epoch_end(loss=0.5)
    run.epoch_end(loss=0.5)
    with pytest.raises(MonitorError, match="by epoch 3"):
        run.epoch_end(loss=0.5)


def test_the_first_of_several_values_that_are_not_finite_is_an_alert() -> None:
    run = FakeRun([Seen("val/loss")])
    for value in (math.nan, math.inf, 0.5, math.nan, math.nan):
        run.epoch_end(val_loss=value)
    assert [(alert.title, alert.author) for alert in run.alerts] == [("val/loss is nan", "seen")] * 2
    assert run.alerts[1].text == "Epoch 4, step 8. seen counts it as no improvement."


def test_alerts_are_in_the_language_that_was_asked_for(monkeypatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    run = FakeRun([Seen("val/loss")])
    run.epoch_end(val_loss=math.nan)
    assert run.alerts[0].title == "val/loss 为 nan"


def test_nothing_is_watched_without_a_metric() -> None:
    seen = Seen(None)
    run = FakeRun([seen], has_validation=False).play(2, lambda _: {"train/loss": 0.5})
    assert seen.values == []
    assert FakeRun.resumed(run.state(), [Seen(None)]).play(3).epochs_done == 3


def test_a_direction_that_nobody_can_guess_is_refused() -> None:
    with pytest.raises(OptionError, match="mode='min' or mode='max'"):
        Seen("val/gap")


def test_what_was_seen_is_not_seen_again_after_a_resume() -> None:
    run = FakeRun([Seen("val/loss")])
    run.epoch_end(val_loss=0.5)
    seen = Seen("val/loss")
    resumed = FakeRun.resumed(run.state(), [seen])
    resumed.epoch_end(loss=0.1)
    assert seen.values == []


def test_a_subclass_must_decide() -> None:
    with pytest.raises(NotImplementedError, match="Watcher must define decide"):
        FakeRun([Watcher("val/loss")]).epoch_end(val_loss=0.5)
