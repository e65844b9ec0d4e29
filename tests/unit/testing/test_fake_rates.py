from __future__ import annotations

import json

import pytest

from lineside.errors import RequestRefused
from lineside.testing.fake_rates import FakeRates


def test_without_a_scheduler_a_rate_is_set_and_with_one_it_is_scaled() -> None:
    plain, scheduled = FakeRates({"0": 0.4}, has_scheduler=False), FakeRates({"0": 0.4}, has_scheduler=True)
    for rates in (plain, scheduled):
        rates.set(0.1, None)
        assert rates.lr() == {"0": 0.1}
        rates.schedule(0.8, None)
    assert plain.lr() == {"0": 0.8}
    assert scheduled.lr() == {"0": pytest.approx(0.2)}
    assert scheduled.scheduled() == {"0": 0.8}


def test_a_rate_that_callbacks_schedule_or_scale_is_set_as_a_factor() -> None:
    rates = FakeRates({"0": 0.4}, has_scheduler=False)
    rates.scale(0.5, "warm-up")
    rates.set(0.1, "0")
    rates.scale(1.0, "warm-up")
    assert rates.lr() == {"0": pytest.approx(0.2)}
    rates = FakeRates({"0": 0.4}, has_scheduler=False)
    rates.schedule(0.2, 0)
    rates.set(0.1, 0)
    rates.schedule(0.6, 0)
    assert rates.lr() == {"0": pytest.approx(0.3)}


def test_groups_are_named() -> None:
    rates = FakeRates({"body": 0.1, "head": 0.2}, has_scheduler=False)
    rates.schedule(0.5, "head")
    assert rates.lr() == {"body": 0.1, "head": 0.5}
    rates.schedule(0.3, None)
    assert rates.lr() == {"body": 0.3, "head": 0.3}
    for refused in (lambda: rates.schedule(0.1, "haed"), lambda: rates.set(0.1, "haed"), lambda: rates.set(-1.0, None)):
        with pytest.raises(RequestRefused):
            refused()
    with pytest.raises(RequestRefused, match="body, head"):
        FakeRates({"body": 0.1, "head": 0.2}, has_scheduler=False).set(0.1, None)


def test_all_but_the_factors_of_callbacks_is_saved() -> None:
    rates, again = FakeRates({"0": 0.4}, has_scheduler=True), FakeRates({"0": 9.0}, has_scheduler=True)
    rates.schedule(0.2, None)
    rates.set(0.1, None)
    rates.scale(0.5, "warm-up")
    again.load_state_dict(json.loads(json.dumps(rates.state_dict())))
    assert again.lr() == {"0": 0.1}
