from __future__ import annotations

from typing import Any

import pytest

from lineside.reports.html.costs import account
from tests.unit.reports.html.recorded import Recorded, cost


def test_those_of_the_last_attempt_that_told_them_the_costliest_first(recorded: Recorded) -> None:
    recorded.ended("failed", costs=[cost("old")])
    recorded.attempt(2, resumed_step=0)
    recorded.ended(costs=[cost("quick", total=0.5), cost("slow", failures=3, disabled=["on_batch_end"])], wall=13)
    recorded.attempt(3, resumed_step=0)
    paid = account(recorded.evidence())
    assert paid is not None
    assert (paid.attempt, paid.seconds, paid.wall) == (2, 12.0, 13.0)
    assert [one.name for one in paid.costs] == ["slow", "quick"]
    assert (paid.costs[0].failures, paid.costs[0].disabled) == (3, ("on_batch_end",))


def test_a_run_that_was_killed_told_none(recorded: Recorded) -> None:
    assert account(recorded.evidence()) is None


@pytest.mark.parametrize("costs", [None, "none", [1], [{}], [cost(total="much")], [cost(disabled=3)]])
def test_what_no_run_has_written_is_passed_over(recorded: Recorded, costs: Any) -> None:
    recorded.ended(costs=costs, seconds="long", wall=None)
    paid = account(recorded.evidence())
    assert paid is not None
    assert (paid.seconds, paid.wall, paid.costs) == (0.0, 0.0, [])
