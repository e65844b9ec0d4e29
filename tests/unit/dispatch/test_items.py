from __future__ import annotations

import marshal
from collections.abc import Sequence

import pytest

from lineside.dispatch.guard import Bound
from lineside.dispatch.items import EventItem, Marker, RecordsItem, Task, batch_name, resolve
from lineside.metrics import Scalar
from lineside.ports import LogRow
from lineside.sink import Medium
from tests.unit.dispatch.toys import Made, snapshot


class OnDevice:
    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        raise AssertionError("read one by one")


class Reader:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, scalars: Sequence[Scalar]) -> list[float]:
        self.calls += 1
        return [scalar.value if isinstance(scalar, OnDevice) else float(scalar) for scalar in scalars]


def row(step: int, **values: Scalar) -> LogRow:
    return step, 0, float(step), {f"train/{name}": value for name, value in values.items()}


def test_values_on_a_device_are_read_with_one_wait_however_many_sinks_ask() -> None:
    reader = Reader()
    item = RecordsItem([row(1, loss=OnDevice(0.5), acc=0.25), row(2, loss=OnDevice(0.125))], (), reader)
    assert reader.calls == 0
    for _ in range(3):
        values = [dict(values) for _, _, _, values in item.records.rows]
        assert values == [{"train/loss": 0.5, "train/acc": 0.25}, {"train/loss": 0.125}]
    assert reader.calls == 1


def test_numbers_need_no_reading() -> None:
    reader = Reader()
    rows = [row(1, loss=0.5)]
    assert resolve(rows, reader) is rows
    assert reader.calls == 0


def test_rows_of_batches_are_named_after_the_batch() -> None:
    rows = [(1, 0, 1.0, {"train/loss": 0.5, "system/gpu": 0.9})]
    item = RecordsItem(rows, (), Reader(), of_batches=True)
    assert item.records.rows == [(1, 0, 1.0, {"batch/loss": 0.5, "batch/system/gpu": 0.9})]
    assert item.records.rows == [(1, 0, 1.0, {"batch/loss": 0.5, "batch/system/gpu": 0.9})]
    assert rows[0][3] == {"train/loss": 0.5, "system/gpu": 0.9}


@pytest.mark.parametrize(("name", "of_batch"), [("train/loss", "batch/loss"), ("lr", "batch/lr"), ("a/b", "batch/a/b")])
def test_the_name_of_a_batchs_value(name: str, of_batch: str) -> None:
    assert batch_name(name) == of_batch


def test_rows_of_numbers_go_to_disk_and_come_back() -> None:
    item = RecordsItem([row(1, loss=0.1), row(2, loss=float("inf"))], (), Reader())
    shell, plain = item.unloaded()
    assert len(shell) == 0
    shell.load(marshal.loads(marshal.dumps(plain)))
    assert list(shell.records.rows) == list(item.records.rows)
    assert len(shell) == 2


def test_values_on_a_device_stay_where_they_are() -> None:
    item = RecordsItem([row(1, loss=OnDevice(0.1))], (), Reader())
    assert item.unloaded() == (item, None)


def test_media_stay_and_weigh_what_they_are() -> None:
    item = RecordsItem((), [Medium("figure", "curve", b"x" * 5000, 1, 0, 1.0)], Reader())
    assert item.unloaded() == (item, None)
    assert item.weight == 5000
    assert len(item) == 1


def test_an_event_goes_to_disk_without_its_hook_and_comes_back() -> None:
    hook = Bound(Made(), "on_epoch_end", lambda run: None)
    before = snapshot(step=7, lr={"0": 0.5}, reason="enough").by("made")
    shell, plain = EventItem(hook, before, "payload").unloaded()
    assert not hasattr(shell.snapshot, "step")
    shell.load(marshal.loads(marshal.dumps(plain)))
    after = shell.snapshot
    assert (shell.hook, shell.payload) == (hook, "payload")
    assert (after.step, after.lr, after.reason, after.name) == (7, {"0": 0.5}, "enough", "run-1")
    assert dict(after.metrics) == {"val/loss": 0.5}
    assert after.metrics.point("val_loss") == before.metrics.point("val_loss")
    assert dict(after.batch_metrics) == {"train/loss": 0.25}


def test_markers_and_tasks_weigh_nothing_and_stay() -> None:
    done: list[int] = []
    marker, task = Marker(), Task(lambda: done.append(1))
    assert (marker.weight, task.weight) == (0, 0)
    assert marker.unloaded() == (marker, None)
    assert task.unloaded() == (task, None)
    marker.load(None)
    task.load(None)
    task.do()
    assert done == [1]
