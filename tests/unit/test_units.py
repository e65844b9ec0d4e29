from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineside.errors import OptionError
from lineside.units import Duration, Trigger, Unit


@dataclass
class Done:
    epochs_done: int = 0
    step: int = 0
    batches_done: int = 0
    samples: int = 0
    elapsed: float = 0.0


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("1 epoch", 1, "epochs"),
        ("3 epochs", 3, "epochs"),
        ("500 steps", 500, "steps"),
        ("500steps", 500, "steps"),
        (" 2  Batches ", 2, "batches"),
        ("1 batch", 1, "batches"),
        ("1e6 samples", 1_000_000, "samples"),
        ("10 s", 10, "seconds"),
        ("0.5 sec", 0.5, "seconds"),
        ("10 min", 600, "seconds"),
        ("2 mins", 120, "seconds"),
        ("1.5 h", 5400, "seconds"),
        ("2 hours", 7200, "seconds"),
        ("1 day", 86400, "seconds"),
        (timedelta(minutes=2), 120, "seconds"),
        (Duration(7, "steps"), 7, "steps"),
    ],
)
def test_a_duration_is_read(text: Any, amount: float, unit: Unit) -> None:
    assert Duration.parse(text) == Duration(amount, unit)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (5, "not a duration"),
        (0.5, "not a duration"),
        (None, "not a duration"),
        (True, "not a duration"),
        ("", "not a duration"),
        ("5", "not a duration"),
        ("epochs", "not a duration"),
        ("-1 steps", "not a duration"),
        ("3 epochs or so", "not a duration"),
        ("0 steps", "positive"),
        ("0.0 s", "positive"),
        (timedelta(0), "positive"),
        (timedelta(seconds=-1), "positive"),
        ("9" * 400 + " s", "finite"),
        ("1.5 epochs", "whole numbers"),
        ("1e-1 steps", "whole numbers"),
        ("3 epoks", "Did you mean 'epochs'?"),
        ("3 m", "unknown unit 'm'"),
    ],
)
def test_what_is_no_duration_is_refused(text: Any, why: str) -> None:
    with pytest.raises(OptionError) as refusal:
        Duration.parse(text, "every")
    assert why in str(refusal.value)
    assert "every=" in str(refusal.value)


@given(
    st.one_of(
        st.builds(Duration, st.integers(1, 10**15), st.sampled_from(["epochs", "steps", "batches", "samples"])),
        st.builds(Duration, st.floats(1e-9, 1e15), st.just("seconds")),
    )
)
def test_the_text_of_a_duration_is_read_back(duration: Duration) -> None:
    assert Duration.parse(str(duration)) == duration


@pytest.mark.parametrize(
    ("unit", "field"),
    [
        ("epochs", "epochs_done"),
        ("steps", "step"),
        ("batches", "batches_done"),
        ("samples", "samples"),
        ("seconds", "elapsed"),
    ],
)
def test_each_unit_measures_its_own_counter(unit: Unit, field: str) -> None:
    assert Duration(1, unit).measure(Done(**{field: 7})) == 7
    others = {"epochs_done", "step", "batches_done", "samples", "elapsed"} - {field}
    assert Duration(1, unit).measure(Done(**dict.fromkeys(others, 7))) == 0  # type: ignore[arg-type]


def fired(trigger: Trigger, steps: range) -> list[int]:
    return [step for step in steps if trigger.fires(Done(step=step))]


def test_a_trigger_fires_at_every_multiple_and_not_at_zero() -> None:
    assert fired(Trigger(Duration(3, "steps")), range(10)) == [3, 6, 9]


def test_a_trigger_fires_once_however_often_it_is_asked() -> None:
    trigger = Trigger(Duration(3, "steps"))
    assert [trigger.fires(Done(step=3)) for _ in range(3)] == [True, False, False]


def test_a_stride_over_several_multiples_fires_once() -> None:
    assert fired(Trigger(Duration(3, "steps")), range(0, 30, 8)) == [8, 16, 24]
    assert fired(Trigger(Duration(3, "steps")), range(0, 12, 2)) == [4, 6, 10]


def test_a_trigger_with_its_mark_goes_on_where_another_one_stopped() -> None:
    first = Trigger(Duration(3, "steps"))
    assert fired(first, range(8)) == [3, 6]
    second = Trigger(Duration(3, "steps"))
    second.mark = first.mark
    assert fired(second, range(6, 13)) == [9, 12]


def test_a_trigger_that_joins_on_the_way_begins_with_the_next_multiple() -> None:
    trigger = Trigger(Duration(100, "steps"))
    trigger.skip(Done(step=1000))
    assert fired(trigger, range(1000, 1201)) == [1100, 1200]
