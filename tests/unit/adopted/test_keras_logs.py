from __future__ import annotations

import pytest

from lineside.adopted.keras_logs import BatchLogs, epoch_logs, evaluation_logs
from lineside.metrics import MetricTable
from lineside.testing import FakeRun


class Counted:
    """A value on a device that counts how often it is waited for."""

    shape = ()

    def __init__(self):
        self.reads = 0

    def __float__(self):
        self.reads += 1
        return 0.5


def test_a_validation_that_did_not_take_place_is_left_out() -> None:
    run = FakeRun()
    run.epoch_end(loss=0.5, val_loss=0.6)
    run.epoch_end(loss=0.4)
    assert epoch_logs(run) == {"loss": 0.4}


def test_zero_is_a_value_and_other_namespaces_are_none() -> None:
    run = FakeRun()
    run.log({"system/gpu": 3.0})
    run.epoch_end(loss=0.0)
    assert epoch_logs(run) == {"loss": 0.0}


def test_an_evaluation_is_that_of_this_step() -> None:
    run = FakeRun()
    run.batch_end(loss=0.5)
    run.val_end(val_loss=0.6)
    assert evaluation_logs(run, "val") == {"loss": 0.6}
    run.batch_end(loss=0.5)
    assert evaluation_logs(run, "val") == {}


def test_values_of_a_batch_are_read_when_they_are_looked_up() -> None:
    table = MetricTable(freeze=lambda value: value)
    loss, other = Counted(), Counted()
    table.publish({"loss": loss, "accuracy": other, "val/loss": other}, 1, 0)
    logs = BatchLogs(table.view, "train")
    assert list(logs) == ["loss", "accuracy"]
    assert len(logs) == 2
    assert "val_loss" not in logs
    assert (loss.reads, other.reads) == (0, 0)
    assert logs.get("loss") == 0.5
    assert (loss.reads, other.reads) == (1, 0)
    assert logs.copy() == {"loss": 0.5, "accuracy": 0.5}
    with pytest.raises(KeyError):
        logs["missing"]
