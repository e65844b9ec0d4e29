from __future__ import annotations

from random import Random

import pytest

from lineside.outbox.back_off import wait_after
from lineside.outbox.limits import Limits

LIMITS = Limits(first_wait=1.0, longest_wait=60.0, longest_asked=600.0)


@pytest.mark.parametrize(("tries", "longest"), [(1, 1.0), (2, 2.0), (5, 16.0), (7, 60.0), (1000, 60.0)])
def test_waits_double_up_to_a_bound_and_half_is_chance(tries: int, longest: float) -> None:
    draw = Random(0)
    waits = [wait_after(tries, None, LIMITS, draw) for _ in range(200)]
    assert min(waits) >= longest / 2
    assert max(waits) <= longest
    assert max(waits) - min(waits) > 0.4 * longest


def test_a_receiver_gets_the_time_that_it_asks_for_within_a_bound() -> None:
    assert wait_after(1, 30.0, LIMITS, Random(0)) == 30.0
    assert wait_after(1, 1e9, LIMITS, Random(0)) == 600.0
    assert wait_after(1, 0.0, LIMITS, Random(0)) >= 0.5
    assert wait_after(1, -5.0, LIMITS, Random(0)) >= 0.5
