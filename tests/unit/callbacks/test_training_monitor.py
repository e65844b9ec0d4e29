from __future__ import annotations

import io
import math
from typing import Any

import pytest

from lineside.callbacks.training_monitor import TrainingMonitor
from lineside.errors import OptionError
from lineside.testing import CallbackContract, FakeRun


class TestContract(CallbackContract):
    def make(self, **options: Any) -> TrainingMonitor:
        return TrainingMonitor(stream=io.StringIO(), **options)


class Said:
    """A monitor whose lines are kept."""

    def __init__(self, **options: Any) -> None:
        self.stream = io.StringIO()
        self.monitor = TrainingMonitor(stream=self.stream, **options)

    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


def test_an_epoch_is_a_line() -> None:
    said = Said()
    run = FakeRun([said.monitor], epochs=20, lr=1e-3)
    for _ in range(3):
        run.epoch_end(loss=0.12345, accuracy=0.95, val_loss=0.2345, val_accuracy=0.931)
    assert said.lines()[2] == (
        "epoch  3/20  loss 0.1235  accuracy 0.9500  val_loss 0.2345  val_accuracy 0.9310  lr 1e-3  2.0 s"
    )


def test_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    said = Said()
    run = FakeRun([said.monitor], epochs=2, lr=2.5e-4)
    run.epoch_end(loss=12.0)
    assert said.lines() == ["第 1/2 轮  loss 12  学习率 2.5e-4  2.0 秒", "警告：loss 12 异常（> 10）"]
    assert run.alerts[0].title == "loss 12 异常（> 10）"


def test_the_line_goes_to_what_stdout_is_when_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    FakeRun([TrainingMonitor()], epochs=1).epoch_end(loss=0.0)
    assert capsys.readouterr().out == "epoch 1/1  loss 0.0000  lr 1e-1  2.0 s\n"


def test_a_value_of_an_earlier_epoch_is_not_shown_again() -> None:
    said = Said()
    run = FakeRun([said.monitor])
    run.epoch_end(loss=0.5, val_loss=0.5)
    run.epoch_end(loss=0.25)
    assert "val_loss" in said.lines()[0]
    assert "val_loss" not in said.lines()[1]


def test_values_that_come_late_are_shown() -> None:
    said = Said()
    run = FakeRun([said.monitor])
    run.epoch_end({"train/loss": 0.5, "val/loss": 0.25}, late=["val/loss"])
    assert "val_loss 0.2500" in said.lines()[0]


def test_only_the_metrics_asked_for_by_any_name() -> None:
    said = Said(metrics=["val_f1", "eval_loss", "never"])
    run = FakeRun([said.monitor], lr={"body": 0.1, "head": 0.01})
    run.epoch_end({"train/loss": 0.5, "val/f1": 1.0, "val/loss": 1e-5})
    assert said.lines() == ["epoch 1  val_f1 1.0000  val_loss 1e-5  lr 1e-1/1e-2  2.0 s"]


@pytest.mark.parametrize(
    ("value", "shown"), [(math.nan, "NaN"), (math.inf, "inf"), (-math.inf, "-inf"), (10.5, "10.5"), (1e9, "1e9")]
)
def test_an_abnormal_loss_is_warned_of_in_each_epoch_and_alerted_once(value: float, shown: str) -> None:
    said = Said()
    run = FakeRun([said.monitor])
    for loss in (value, value, 1.0, value):
        run.epoch_end(loss=0.5, val_loss=loss)
    warnings = [line for line in said.lines() if line.startswith("warning")]
    why = "> 10" if value > 10 else "not finite"
    assert warnings == [f"warning: val_loss {shown} is abnormal ({why})"] * 3
    assert [alert.title for alert in run.alerts] == [f"val_loss {shown} is abnormal ({why})"] * 2
    assert run.alerts[1].text == "epoch 4, step 8"


def test_ten_is_not_above_ten() -> None:
    said = Said()
    FakeRun([said.monitor]).epoch_end(val_loss=10.0)
    assert len(said.lines()) == 1


def test_conditions_of_ones_own_take_any_name_and_patterns() -> None:
    said = Said(abnormal={"val_accuracy": "<= 0.1", "*/f1": "<.5"})
    run = FakeRun([said.monitor])
    run.epoch_end({"train/loss": 99.0, "val/accuracy": 0.1, "train/f1": 0.2, "val/f1": 0.5})
    warned = sorted(line.partition(" is ")[0] for line in said.lines()[1:])
    assert warned == ["warning: f1 0.2000", "warning: val_accuracy 0.1000"]


def test_a_resumed_run_says_so_and_does_not_alert_again() -> None:
    run = FakeRun([Said().monitor], epochs=3)
    run.epoch_end(val_loss=11.0)
    said = Said()
    again = FakeRun.resumed(run.state(), [said.monitor], epochs=3)
    again.epoch_end(val_loss=12.0)
    assert said.lines()[0] == "resumed in epoch 2/3, at step 2"
    assert len(said.lines()) == 3
    assert again.alerts == []


def test_the_end_is_said_with_its_reason() -> None:
    said = Said()
    run = FakeRun([said.monitor])
    run.start()
    run.stop("enough")
    run.settle()
    run.train_end()
    assert said.lines() == ["ended: enough"]


@pytest.mark.parametrize("condition", ["10", "== 3", "> ten", "> 1.2.3", 10])
def test_a_condition_that_is_no_comparison_is_refused(condition: Any) -> None:
    with pytest.raises(OptionError, match=r"abnormal\['val/loss'\].*'> 10'"):
        TrainingMonitor(abnormal={"val/loss": condition})


def test_one_name_instead_of_a_list_is_refused() -> None:
    with pytest.raises(OptionError, match=r"\['loss'\]"):
        TrainingMonitor(metrics="loss")
