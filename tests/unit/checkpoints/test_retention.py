from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineside.checkpoints.format import Manifest, MetricRecord
from lineside.checkpoints.retention import EveryNthEpoch, KeepBest, KeepLast, OnePerInterval, Policy, kept
from lineside.errors import OptionError
from tests.unit.checkpoints.toys import RUN, manifest

# A busy machine must not fail a test, and a test must try the same values every time.
calmly = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
policies: st.SearchStrategy[Any] = st.one_of(
    st.builds(KeepBest, st.integers(0, 4), st.sampled_from(["min", "max"]), st.sampled_from(["loss", "accuracy"])),
    st.builds(KeepLast, st.integers(0, 4)),
    st.builds(EveryNthEpoch, st.integers(1, 4)),
    st.builds(OnePerInterval, st.floats(0.5, 100)),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Manifest]:
    """Return checkpoints in the order of their commits, as a run makes them."""
    history: list[Manifest] = []
    step, created = 0, 0.0
    for _ in range(draw(st.integers(0, 12))):
        step += draw(st.integers(1, 7))
        created += draw(st.floats(0.001, 60))
        values = draw(st.dictionaries(st.sampled_from(["loss", "accuracy"]), st.floats()))
        history.append(manifest(step, epoch=step // 5, created=created, **values))
    return history


def steps(policy: Policy, entries: Sequence[Manifest]) -> list[int]:
    names = policy(entries)
    return [entry.step for entry in entries if entry.name in names]


@calmly
@given(histories(), st.lists(policies, max_size=3))
def test_pruning_after_every_save_keeps_what_pruning_once_at_the_end_keeps(
    history: list[Manifest], chosen: list[Policy]
) -> None:
    left: list[Manifest] = []
    for entry in history:
        left.append(entry)
        names = kept(chosen, left)
        left = [other for other in left if other.name in names]
    assert {entry.name for entry in left} == kept(chosen, history)


@calmly
@given(histories(), st.lists(policies, min_size=1, max_size=3))
def test_policies_only_add_and_the_order_of_entries_does_not_matter(
    history: list[Manifest], chosen: list[Policy]
) -> None:
    together = kept(chosen, history)
    assert together == set().union(*(policy(history) for policy in chosen))
    assert together <= {entry.name for entry in history}
    assert kept(chosen, history[::-1]) == together


@calmly
@given(histories(), st.integers(0, 5), st.sampled_from(["min", "max"]))
def test_the_best_are_those_that_sorting_the_numbers_gives(history: list[Manifest], k: int, mode: Any) -> None:
    names = KeepBest(k, mode, "loss")(history)
    values = {entry.name: entry.metrics["loss"].value for entry in history if "loss" in entry.metrics}
    numbers = sorted((v for v in values.values() if math.isfinite(v)), reverse=mode == "max")
    assert sorted((values[name] for name in names), reverse=mode == "max") == numbers[:k]


@calmly
@given(histories(), st.integers(0, 5))
def test_the_last_are_the_highest_steps(history: list[Manifest], n: int) -> None:
    assert steps(KeepLast(n), history) == [entry.step for entry in history][len(history) - min(n, len(history)) :]


@calmly
@given(histories(), st.integers(1, 4))
def test_every_nth_epoch_has_its_newest(history: list[Manifest], n: int) -> None:
    numbers = {entry.epoch + 1 for entry in history if (entry.epoch + 1) % n == 0}
    wanted = [max(entry.step for entry in history if entry.epoch + 1 == number) for number in sorted(numbers)]
    assert steps(EveryNthEpoch(n), history) == wanted


def test_nan_is_never_best_and_zero_is_a_value() -> None:
    entries = [manifest(1, loss=math.nan), manifest(2, loss=0.0), manifest(3, loss=0.5), manifest(4)]
    assert steps(KeepBest(1, "min", "loss"), entries) == [2]
    assert steps(KeepBest(9, "min", "loss"), entries) == [2, 3]
    assert steps(KeepBest(1, "max", "loss"), entries) == [3]


@pytest.mark.parametrize("mode", ["min", "max"])
def test_an_infinity_is_never_best_since_nothing_could_beat_it(mode: Any) -> None:
    entries = [manifest(1, loss=math.inf), manifest(2, loss=1e300), manifest(3, loss=-math.inf)]
    assert steps(KeepBest(3, mode, "loss"), entries) == [2]


def test_of_equal_values_the_earlier_is_better() -> None:
    entries = [manifest(1, loss=0.5), manifest(2, loss=0.5), manifest(3, loss=0.5)]
    assert steps(KeepBest(2, "min", "loss"), entries) == [1, 2]


def test_a_stale_value_makes_no_checkpoint_the_best() -> None:
    """A checkpoint in mid-epoch must not be tagged with the value of the validation before, as Lightning does."""
    stale = Manifest("epoch0002-step00000014-0000", RUN, 14, 1, "x", metrics={"loss": MetricRecord(0.1, 10, 0)})
    assert steps(KeepBest(2, "min", "loss"), [manifest(10, loss=0.1), stale]) == [10]


def test_epochs_are_counted_from_one() -> None:
    entries = [manifest(step, epoch=step - 1) for step in range(1, 7)]
    assert steps(EveryNthEpoch(2), entries) == [2, 4, 6]
    assert steps(EveryNthEpoch(5), entries) == [5]


def test_one_per_interval_of_wall_time() -> None:
    entries = [manifest(step, created=created) for step, created in enumerate([0, 59, 60, 61, 200, 201, 239.5])]
    assert steps(OnePerInterval(60), entries) == [1, 3, 6]


@pytest.mark.parametrize(
    ("make", "culprit"),
    [
        (lambda: KeepBest(-1, "min", "loss"), "k=-1"),
        (lambda: KeepBest(1, "best", "loss"), "mode='best'"),  # type: ignore[arg-type]
        (lambda: KeepLast(-1), "n=-1"),
        (lambda: EveryNthEpoch(0), "n=0"),
        (lambda: OnePerInterval(0), "seconds=0"),
        (lambda: OnePerInterval(math.nan), "seconds=nan"),
    ],
)
def test_options_out_of_range_are_named(make: Any, culprit: str) -> None:
    with pytest.raises(OptionError, match=culprit):
        make()
