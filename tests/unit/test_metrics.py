from __future__ import annotations

import json
import math
import random
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineside.errors import MetricNotFound, OptionError
from lineside.metrics import Averages, Metrics, MetricTable, canonical, checked_name


class OnDevice:
    """A scalar that still lives on a device: it counts how often somebody waits for it."""

    reads = 0

    def __init__(self, value: float, shape: tuple[int, ...] = ()) -> None:
        self.value = value
        self.shape = shape

    def __float__(self) -> float:
        OnDevice.reads += 1
        return float(self.value)

    def __mul__(self, weight: float) -> OnDevice:
        return OnDevice(self.value * weight)

    def __add__(self, other: OnDevice | float) -> OnDevice:
        return OnDevice(self.value + (other.value if isinstance(other, OnDevice) else other))

    __radd__ = __add__


@pytest.fixture(autouse=True)
def nobody_has_waited() -> None:
    OnDevice.reads = 0


def lazy_table() -> MetricTable:
    return MetricTable(freeze=lambda scalar: scalar)


# ---- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "stage", "published"),
    [
        ("loss", "train", "train/loss"),
        ("loss", "val", "val/loss"),
        ("accuracy", "test", "test/accuracy"),
        ("val_loss", "train", "val/loss"),
        ("eval_loss", "train", "val/loss"),
        ("train_loss", "val", "train/loss"),
        ("test_acc", "train", "test/acc"),
        ("val/loss", "train", "val/loss"),
        ("system/gpu", "val", "system/gpu"),
        ("lr", "train", "lr"),
        ("lr/head", "train", "lr/head"),
        ("metrics/mAP50(B)", "train", "val/mAP50(B)"),
        ("val_", "train", "train/val_"),
        ("valve", "train", "train/valve"),
        ("损失", "train", "train/损失"),
    ],
)
def test_a_name_is_published_in_its_canonical_form(name: str, stage: str, published: str) -> None:
    assert canonical(name, stage) == published


@pytest.mark.parametrize("name", ["", "train/loss\n", "a\x00b", 3, None, b"loss"])
def test_what_cannot_be_printed_names_no_metric(name: Any) -> None:
    with pytest.raises(OptionError, match="cannot name a metric"):
        MetricTable().publish({name: 1.0}, 1, 0)


def test_a_member_of_a_text_enumeration_becomes_the_text() -> None:
    class Name(StrEnum):
        LOSS = "train/loss"

    assert type(checked_name(Name.LOSS, "train")) is str
    assert checked_name(Name.LOSS, "train") == "train/loss"


@pytest.mark.parametrize(
    ("published", "read"),
    [
        ("train/loss", ["train/loss", "train_loss", "loss"]),
        ("val/loss", ["val/loss", "val_loss", "eval_loss", "loss"]),
        ("val/mAP50(B)", ["metrics/mAP50(B)", "val_mAP50(B)", "val/mAP50(B)"]),
        ("lr/head", ["lr/head"]),
        ("lr", ["lr"]),
    ],
)
def test_every_alias_reads_the_same_value(published: str, read: list[str]) -> None:
    table = MetricTable()
    table.publish({published: 0.25}, 1, 0)
    for name in read:
        assert table.view[name] == 0.25
        assert name in table.view


def test_a_bare_name_means_the_value_of_training_where_there_are_both() -> None:
    table = MetricTable()
    table.publish({"val/loss": 2.0, "train/loss": 1.0}, 1, 0)
    assert table.view["loss"] == 1.0
    assert table.view["val_loss"] == 2.0


def test_a_metric_that_nobody_published_is_named_with_what_there_is() -> None:
    table = MetricTable()
    with pytest.raises(MetricNotFound, match="nothing yet"):
        table.view["loss"]
    table.publish({"val/loss": 1.0}, 1, 0)
    with pytest.raises(MetricNotFound, match=r"'val/lss'.*Did you mean 'val/loss'\?.*There is: val/loss"):
        table.view["val/lss"]
    assert 3 not in table.view
    assert table.view.get("val/lss") is None


# ---- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.0, 1, True, -0.0, math.inf, -math.inf, 1e-320])
def test_any_number_is_a_value(value: float) -> None:
    table = MetricTable()
    table.publish({"loss": value}, 1, 0)
    assert table.view["loss"] == value
    assert type(table.view["loss"]) is float


def test_nan_is_a_value_and_a_later_number_replaces_it() -> None:
    table = MetricTable()
    table.publish({"loss": math.nan}, 1, 0)
    assert math.isnan(table.view["loss"])
    table.publish({"loss": 0.5}, 2, 0)
    assert table.view["loss"] == 0.5


@pytest.mark.parametrize("value", ["0.5", b"1", None, [1.0], {"a": 1}, Decimal("0.5"), 1j, object()])
def test_what_is_no_number_is_refused_by_name(value: Any) -> None:
    with pytest.raises(OptionError, match=r"'loss' is a .*; a metric is a number"):
        MetricTable().publish({"loss": value}, 1, 0)


@pytest.mark.parametrize("shape", [(2,), (1, 3), (0,)])
def test_a_tensor_of_several_elements_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(OptionError, match=r"shape .* log one number, such as its mean\(\)"):
        lazy_table().publish({"loss": OnDevice(1.0, shape)}, 1, 0)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_a_value_on_a_device_is_read_when_somebody_looks_and_once(shape: tuple[int, ...]) -> None:
    table = lazy_table()
    table.publish({"loss": OnDevice(0.5, shape)}, 1, 0)
    frozen = table.view.frozen()
    assert "loss" in table.view
    assert list(table.view) == ["train/loss"]
    assert len(table.view) == 1
    assert OnDevice.reads == 0
    assert table.view["loss"] == 0.5
    assert table.view["train/loss"] == 0.5
    assert OnDevice.reads == 1
    assert frozen["loss"] == 0.5


def test_metrics_cannot_be_written_by_a_reader() -> None:
    view = MetricTable().view
    assert not hasattr(view, "__setitem__")
    with pytest.raises(AttributeError):
        view.loss = 1.0  # type: ignore[attr-defined]


def test_a_frozen_copy_does_not_follow_later_values() -> None:
    table = MetricTable()
    table.publish({"loss": 1.0}, 1, 0)
    frozen = table.view.frozen()
    table.publish({"loss": 2.0, "acc": 1.0}, 2, 0)
    assert dict(frozen) == {"train/loss": 1.0}
    assert repr(frozen) == "Metrics({'train/loss': 1.0})"


def test_every_publication_is_stamped() -> None:
    table = MetricTable()
    table.publish({"loss": 1.0}, 10, 2)
    first = table.view.point("loss")
    table.publish({"loss": 1.0}, 11, 3)
    second = table.view.point("loss")
    assert first is not None
    assert second is not None
    assert (first.value, first.step, first.epoch) == (1.0, 10, 2)
    assert (second.step, second.epoch) == (11, 3)
    assert second.serial > first.serial
    assert table.view.point("acc") is None


def test_what_was_published_is_returned_under_its_canonical_name() -> None:
    assert MetricTable().publish({"loss": 1, "lr": 0.1}, 1, 0, "val") == {"val/loss": 1.0, "lr": 0.1}


def test_a_table_survives_json_and_nothing_old_looks_fresh() -> None:
    table = lazy_table()
    table.publish({"loss": OnDevice(0.1), "val/loss": 0.2}, 5, 1)
    again = MetricTable()
    again.load_state_dict(json.loads(json.dumps(table.state_dict())))
    assert dict(again.view) == {"train/loss": 0.1, "val/loss": 0.2}
    old = again.view.point("val/loss")
    again.publish({"val/loss": 0.2}, 6, 1)
    new = again.view.point("val/loss")
    assert old is not None
    assert new is not None
    assert new.serial > old.serial
    assert old.step == 5


def test_clearing_forgets_values_and_not_the_count() -> None:
    table = MetricTable()
    table.publish({"loss": 1.0}, 1, 0)
    serial = table.serial
    table.clear()
    assert dict(table.view) == {}
    assert table.serial == serial


# ---- averages --------------------------------------------------------------------------------------------------------


def test_means_are_weighted_by_samples() -> None:
    averages = Averages()
    averages.add({"loss": 1.0}, 3)
    averages.add({"loss": 5.0, "acc": 0.5}, 1)
    assert averages.means() == {"loss": 2.0, "acc": 0.5}


def test_a_batch_without_samples_weighs_nothing() -> None:
    averages = Averages()
    averages.add({"loss": 9.0}, 0)
    assert averages.means() == {}
    averages.add({"loss": 1.0}, 2)
    assert averages.means() == {"loss": 1.0}


def test_nan_shows_in_the_mean() -> None:
    averages = Averages()
    averages.add({"loss": math.nan}, 1)
    averages.add({"loss": 1.0}, 1)
    assert math.isnan(averages.means()["loss"])


def test_values_on_a_device_are_read_once_for_many_batches() -> None:
    averages = Averages()
    for value in range(100):
        averages.add({"loss": OnDevice(value)}, 2)
    assert OnDevice.reads == 0
    assert averages.means() == {"loss": 49.5}
    assert OnDevice.reads == 1


def test_long_sums_on_a_device_are_folded_before_they_drift() -> None:
    averages = Averages()
    for _ in range(2 * Averages.PARTIAL + Averages.ASIDE):
        averages.add({"loss": OnDevice(1.0)}, 1)
    assert OnDevice.reads == 2
    assert averages.means() == {"loss": 1.0}


def test_one_name_may_come_from_a_device_and_from_python() -> None:
    averages = Averages()
    averages.add({"loss": OnDevice(1.0)}, 1)
    averages.add({"loss": 3.0}, 1)
    assert averages.means() == {"loss": 2.0}


def test_clear_starts_anew() -> None:
    averages = Averages()
    averages.add({"loss": 1.0, "acc": OnDevice(1.0)}, 1)
    averages.clear()
    assert averages.means() == {}


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(1, 64), st.booleans()), min_size=2, max_size=40), st.data())
def test_saved_and_restored_means_are_the_same_bits(
    batches: list[tuple[float, int, bool]], data: st.DataObject
) -> None:
    def add(averages: Averages, some: list[tuple[float, int, bool]]) -> None:
        for value, weight, on_device in some:
            averages.add({"loss": OnDevice(value) if on_device else value}, weight)

    cut = data.draw(st.integers(0, len(batches)))
    whole, first, second = Averages(), Averages(), Averages()
    add(whole, batches)
    add(first, batches[:cut])
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    add(second, batches[cut:])
    assert second.means() == whole.means()


def test_taking_the_state_does_not_change_what_follows() -> None:
    rng = random.Random(3)
    watched, left_alone = Averages(), Averages()
    for _ in range(50):
        value = rng.random()
        for averages in (watched, left_alone):
            averages.add({"loss": OnDevice(value)}, 3)
        watched.state_dict()
    assert watched.means() == left_alone.means()


def test_metrics_are_a_mapping_of_floats() -> None:
    assert dict(Metrics({"val/loss": (0.5, 1, 0, 1)})) == {"val/loss": 0.5}


# ---- several batches at once -----------------------------------------------------------------------------------------

_ROWS = [({"loss": 0.1 * number, "f1": 1.0 / (1 + number)}, number % 4) for number in range(11)]


def columns(rows: list[tuple[dict[str, Any], int]]) -> dict[str, list[Any]]:
    return {name: [values[name] for values, _ in rows] for name in rows[0][0]}


def test_columns_are_published_as_their_rows_would_be() -> None:
    by_rows, by_columns = MetricTable(), MetricTable()
    for table in (by_rows, by_columns):
        table.publish({"before": 1}, 0, 0)
    published = [by_rows.publish(values, 7, 2) for values, _ in _ROWS]
    at_once = by_columns.publish_columns(columns(_ROWS), 7, 2)
    assert [dict(zip(at_once, row, strict=True)) for row in zip(*at_once.values(), strict=True)] == published
    assert by_columns.state_dict() == by_rows.state_dict()
    by_rows.publish({"f1": 0.5}, 8, 2)
    by_columns.publish({"f1": 0.5}, 8, 2)
    assert by_columns.state_dict() == by_rows.state_dict()


def test_a_column_is_frozen_at_once_where_that_can_be_done() -> None:
    seen: list[list[Any]] = []

    def freeze_all(given: Any) -> list[Any] | None:
        seen.append(list(given))
        return None if 3 in given else [0.5] * len(given)

    table = MetricTable(freeze_all=freeze_all)
    assert table.publish_columns({"a": [1, 2], "b": [1.0, 2.0], "c": [3, 4]}, 1, 0) == {
        "train/a": [0.5, 0.5],
        "train/b": [1.0, 2.0],
        "train/c": [3.0, 4.0],
    }
    assert seen == [[1, 2], [3, 4]]


def test_a_column_with_what_is_no_number_is_refused_by_name() -> None:
    with pytest.raises(OptionError, match="'loss' is a str"):
        MetricTable().publish_columns({"loss": [0.5, "much"]}, 1, 0)


@pytest.mark.parametrize("lazy", [False, True])
def test_columns_are_averaged_as_their_rows_would_be(lazy: bool) -> None:
    rows = [({**values, "f1": OnDevice(values["f1"])} if lazy else values, weight) for values, weight in _ROWS]
    by_rows, by_columns = Averages(), Averages()
    for averages in (by_rows, by_columns):
        averages.add({"loss": 3.0}, 5)
    for values, weight in rows:
        if weight:
            by_rows.add(values, weight)
    by_columns.add_columns(columns(rows), [weight for _, weight in rows])
    assert OnDevice.reads == 0
    assert by_columns.state_dict() == by_rows.state_dict()
    assert by_columns.means() == by_rows.means()


def test_batches_without_a_size_give_no_mean() -> None:
    averages = Averages()
    averages.add_columns({"train/loss": [0.5, math.nan]}, [0, 0])
    assert averages.means() == {}
