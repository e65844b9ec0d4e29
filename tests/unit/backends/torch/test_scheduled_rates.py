from __future__ import annotations

import json

import pytest
import torch
from torch import nn
from torch.optim import SGD, lr_scheduler

from lineside.backends.torch.rates import TorchRates
from lineside.errors import RequestRefused
from tests.unit.backends.torch.test_rates import SCHEDULERS, sgd, step, three_groups


def test_without_a_scheduler_a_scheduled_rate_is_written() -> None:
    parameter, optimizer = sgd()
    rates = TorchRates(optimizer)
    rates.schedule(0.05)
    assert optimizer.param_groups[0]["lr"] == 0.05
    assert not optimizer._optimizer_step_pre_hooks
    assert step(parameter, optimizer) == pytest.approx(0.05)


def test_a_rate_that_was_set_stays_on_top_of_what_is_scheduled_later() -> None:
    parameter, optimizer = sgd()
    rates = TorchRates(optimizer)
    rates.schedule(0.08)
    rates.set(0.02)
    rates.schedule(0.04)
    assert rates.lr() == {"0": pytest.approx(0.01)}
    assert rates.scheduled() == {"0": 0.04}
    assert step(parameter, optimizer) == pytest.approx(0.01)
    assert optimizer.param_groups[0]["lr"] == 0.04


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_scheduled_rate_takes_the_place_of_a_schedulers_and_the_scheduler_does_not_notice(name: str) -> None:
    plain, one = sgd()
    planned, other = sgd()
    schedulers = [SCHEDULERS[name](one), SCHEDULERS[name](other)]
    rates = TorchRates(other)
    rates.schedule(0.7)
    for _ in range(6):
        rate = one.param_groups[0]["lr"]
        assert step(planned, other) == pytest.approx(step(plain, one) * 0.7 / rate, rel=1e-5)
        for scheduler in schedulers:
            scheduler.step()
        assert one.param_groups[0]["lr"] == other.param_groups[0]["lr"]
        assert rates.lr() == rates.scheduled() == {"0": 0.7}


def test_groups_are_scheduled_one_by_one_or_all_together() -> None:
    _, rates = three_groups()
    rates.schedule(0.3, "head")
    assert rates.lr() == {"stem": 0.1, "body": 0.1, "head": 0.3}
    rates.schedule(0.2)
    assert set(rates.lr().values()) == {0.2}
    with pytest.raises(RequestRefused, match="'head'"):
        rates.schedule(0.1, "haed")
    with pytest.raises(RequestRefused, match="no learning rate"):
        rates.schedule(-1.0)


@pytest.mark.parametrize("name", ["none", *SCHEDULERS])
def test_a_factor_of_a_callback_is_put_on_for_the_step_alone(name: str) -> None:
    plain, one = sgd()
    scaled, other = sgd()
    schedulers = [SCHEDULERS[name](optimizer) for optimizer in (one, other) if name != "none"]
    rates = TorchRates(other)
    for index in range(6):
        rates.scale((index + 1) / 4 if index < 3 else 1.0, "warm-up")
        factor = min(1.0, (index + 1) / 4)
        assert step(scaled, other) == pytest.approx(step(plain, one) * factor, rel=1e-5, abs=1e-7)
        for scheduler in schedulers:
            scheduler.step()
        assert one.param_groups[0]["lr"] == other.param_groups[0]["lr"]


def test_a_rate_that_is_set_while_a_callback_scales_is_a_factor_that_stays() -> None:
    parameter, optimizer = sgd()
    rates = TorchRates(optimizer)
    rates.scale(0.5, "warm-up")
    rates.set(0.01)
    assert rates.lr() == {"0": 0.01}
    rates.scale(1.0, "warm-up")
    assert rates.lr() == {"0": pytest.approx(0.02)}
    rates.set(0.03)
    assert step(parameter, optimizer) == pytest.approx(0.03)
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_a_factor_of_one_hooks_nothing() -> None:
    _, optimizer = sgd()
    TorchRates(optimizer).scale(1.0, "warm-up")
    assert not optimizer._optimizer_step_pre_hooks


@pytest.mark.parametrize("scheduled", [False, True])
def test_a_tensor_rate_stays_the_same_tensor(scheduled: bool) -> None:
    rate = torch.tensor(0.1)
    parameter, optimizer = sgd(rate, foreach=False)
    if scheduled:
        SCHEDULERS["chainable"](optimizer)
    rates = TorchRates(optimizer)
    rates.schedule(0.4)
    rates.scale(0.5, "warm-up")
    assert step(parameter, optimizer) == pytest.approx(0.2)
    assert optimizer.param_groups[0]["lr"] is rate
    assert float(rate) == pytest.approx(0.1 if scheduled else 0.4)


def test_what_is_scheduled_survives_a_restart() -> None:
    for schedule in (True, False):
        (first, one), (second, other) = sgd(), sgd()
        if schedule:
            lr_scheduler.StepLR(one, 2)
            lr_scheduler.StepLR(other, 2)
        rates, again = TorchRates(one), TorchRates(other)
        rates.schedule(0.3)
        rates.set(0.1)
        other.load_state_dict(one.state_dict())
        again.load_state_dict(json.loads(json.dumps(rates.state_dict())))
        for value in (0.3, 0.7):
            rates.schedule(value)
            again.schedule(value)
            assert again.lr() == rates.lr()
            assert step(second, other) == step(first, one)


def test_released_the_optimizers_own_rates_count_again() -> None:
    parameter, optimizer = sgd()
    SCHEDULERS["closed form"](optimizer)
    rates = TorchRates(optimizer)
    rates.schedule(0.3)
    rates.set(0.1)
    rates.release()
    assert not optimizer._optimizer_step_pre_hooks
    assert step(parameter, optimizer) == pytest.approx(0.1)
    assert optimizer.param_groups[0]["lr"] == 0.1
    rates.schedule(0.25)
    assert step(parameter, optimizer) == pytest.approx(0.25)


def test_two_optimizers_are_scaled_each_in_its_own_step() -> None:
    parameters = [nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizers = {"one": SGD([parameters[0]], lr=0.1), "other": SGD([parameters[1]], lr=0.4)}
    rates = TorchRates(optimizers)
    rates.scale(0.5, "warm-up")
    assert rates.lr() == {"one.0": 0.05, "other.0": 0.2}
    assert step(parameters[0], optimizers["one"]) == pytest.approx(0.05)
    assert step(parameters[1], optimizers["other"]) == pytest.approx(0.2)
