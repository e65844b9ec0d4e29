from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from lineside.dispatch.profile import Cost, quantile, recorded_costs, summarize


def cost_of(*nanoseconds: int) -> Cost:
    cost = Cost()
    for spent in nanoseconds:
        cost.total += spent
        cost.buckets[spent.bit_length()] += 1
    return cost


def test_calls_are_what_the_histogram_holds() -> None:
    assert cost_of().calls == 0
    assert cost_of(0, 1, 5, 10**9).calls == 4


@pytest.mark.parametrize("spent", [1, 100, 12_345, 10**6, 10**9, 10**12])
def test_a_quantile_is_right_to_a_factor_of_one_and_a_half(spent: int) -> None:
    found = cost_of(*[spent] * 10).p99() * 1e9
    assert spent / 1.5 <= found <= spent * 1.5


def test_p99_names_the_slow_hundredth() -> None:
    assert cost_of(*[1000] * 999, 10**9).p99() < 1e-5
    assert cost_of(*[1000] * 98, *[10**9] * 2).p99() > 0.5


def test_a_quantile_of_nothing_is_zero() -> None:
    assert quantile([0] * 64, 0.99) == 0.0


def test_the_hooks_of_a_callback_are_added_up() -> None:
    summed = summarize(
        "slow", "inline", [cost_of(10**9, 10**9), cost_of(2 * 10**9)], 8.0, failures=1, dropped=2, disabled=("on_x",)
    )
    assert (summed.name, summed.lane, summed.calls) == ("slow", "inline", 3)
    assert summed.total == 4.0
    assert summed.mean == pytest.approx(4 / 3)
    assert summed.share == 0.5
    assert (summed.failures, summed.dropped, summed.disabled) == (1, 2, ("on_x",))


def test_a_callback_that_was_never_called_costs_nothing() -> None:
    unused = summarize("idle", "inline", [Cost()], 0.0, failures=0, dropped=0, disabled=())
    assert (unused.calls, unused.total, unused.mean, unused.p99, unused.share) == (0, 0.0, 0.0, 0.0, 0.0)


def test_costs_come_back_from_a_record() -> None:
    costs = [summarize("slow", "inline", [cost_of(10**9)], 2.0, failures=1, disabled=("on_batch_end",))]
    assert recorded_costs(json.loads(json.dumps([asdict(cost) for cost in costs]))) == costs


@pytest.mark.parametrize("rows", [None, "none", 3, ["row"], [{}], [{"name": "a", "calls": "many"}]])
def test_what_no_run_has_recorded_is_passed_over(rows: Any) -> None:
    assert recorded_costs(rows) == []
