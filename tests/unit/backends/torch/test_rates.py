from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, lr_scheduler

from lineside.backends.torch.rates import TorchRates
from lineside.errors import RequestRefused

Make = Callable[[torch.optim.Optimizer], Any]

SCHEDULERS: dict[str, Make] = {
    "chainable": lambda one: lr_scheduler.StepLR(one, 2, gamma=0.5),
    "recursive": lambda one: lr_scheduler.CosineAnnealingLR(one, 10),
    "closed form": lambda one: lr_scheduler.LambdaLR(one, lambda epoch: 1 / (1 + epoch)),
    "cycle": lambda one: lr_scheduler.OneCycleLR(one, max_lr=0.5, total_steps=20),
    "sequential": lambda one: lr_scheduler.SequentialLR(
        one, [lr_scheduler.ConstantLR(one, 0.5), lr_scheduler.ExponentialLR(one, 0.9)], [3]
    ),
}


def sgd(lr: float | torch.Tensor = 0.1, **options: Any) -> tuple[nn.Parameter, SGD]:
    parameter = nn.Parameter(torch.zeros(1))
    return parameter, SGD([parameter], lr=lr, **options)


def step(parameter: nn.Parameter, optimizer: torch.optim.Optimizer) -> float:
    """Return how far a gradient of 1 moves the parameter: the rate that the optimizer really used."""
    before = parameter.item()
    parameter.grad = torch.ones(1)
    optimizer.step()
    return before - parameter.item()


def test_rates_are_read_by_group() -> None:
    parameters = [nn.Parameter(torch.zeros(1)) for _ in range(3)]
    groups = [{"params": [parameters[0]]}, {"params": [parameters[1]], "lr": 0.2, "name": "head"}]
    assert TorchRates(SGD(groups, lr=0.1)).lr() == {"0": 0.1, "head": 0.2}
    several = {"generator": SGD([parameters[0]], lr=0.1), "critic": Adam([parameters[2]], lr=0.3)}
    assert TorchRates(several).lr() == {"generator.0": 0.1, "critic.0": 0.3}
    assert TorchRates(()).lr() == {}


def test_without_a_scheduler_the_rate_is_written() -> None:
    parameter, optimizer = sgd()
    rates = TorchRates(optimizer)
    rates.set(0.05)
    assert optimizer.param_groups[0]["lr"] == 0.05
    assert rates.lr() == {"0": 0.05}
    assert step(parameter, optimizer) == pytest.approx(0.05)


def test_torchs_plateau_scheduler_goes_on_from_the_rate_that_was_set() -> None:
    _, optimizer = sgd()
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=0)
    TorchRates(optimizer).set(0.5)
    for _ in range(2):
        scheduler.step(1.0)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.05)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_factor_holds_on_whatever_is_scheduled(name: str) -> None:
    plain, one = sgd()
    steered, other = sgd()
    schedulers = [SCHEDULERS[name](one), SCHEDULERS[name](other)]
    rates = TorchRates(other)
    for index in range(8):
        if index == 2:
            now = rates.lr()["0"]
            rates.set(now / 4)
            assert rates.lr() == {"0": now / 4}
        expected = step(plain, one) / (4 if index >= 2 else 1)
        assert step(steered, other) == pytest.approx(expected, rel=1e-5, abs=1e-7)
        for scheduler in schedulers:
            scheduler.step()
        assert one.param_groups[0]["lr"] == other.param_groups[0]["lr"]  # the scheduler sees its own rate


def test_the_rate_that_was_set_is_reported_to_the_last_bit() -> None:
    _, optimizer = sgd(0.3)
    SCHEDULERS["closed form"](optimizer)
    rates = TorchRates(optimizer)
    for value in torch.rand(200, generator=torch.Generator().manual_seed(0), dtype=torch.float64).tolist():
        rates.set(value)
        assert rates.lr() == {"0": value}


def test_nothing_is_hooked_until_a_rate_is_set() -> None:
    _, optimizer = sgd()
    SCHEDULERS["closed form"](optimizer)
    rates = TorchRates(optimizer)
    rates.lr()
    assert not optimizer._optimizer_step_pre_hooks
    rates.set(0.01)
    rates.set(0.02)
    assert len(optimizer._optimizer_step_pre_hooks) == 1


def test_a_tensor_rate_stays_the_same_tensor() -> None:
    for scheduled in (False, True):
        rate = torch.tensor(0.1)
        parameter, optimizer = sgd(rate, foreach=False)
        if scheduled:
            SCHEDULERS["chainable"](optimizer)
        rates = TorchRates(optimizer)
        rates.set(0.05)
        assert optimizer.param_groups[0]["lr"] is rate
        assert rates.lr()["0"] == pytest.approx(0.05)
        assert step(parameter, optimizer) == pytest.approx(0.05)
        assert float(rate) == pytest.approx(0.1 if scheduled else 0.05)


def test_a_step_that_raises_does_not_leave_its_factor_behind() -> None:
    parameter, optimizer = sgd()
    SCHEDULERS["closed form"](optimizer)
    rates = TorchRates(optimizer)
    rates.set(0.05)

    def closure() -> float:
        raise ValueError("no loss today")

    with pytest.raises(ValueError, match="no loss"):
        optimizer.step(closure)
    assert rates.lr()["0"] == 0.05
    assert step(parameter, optimizer) == pytest.approx(0.05)
    assert optimizer.param_groups[0]["lr"] == 0.1
    with pytest.raises(ValueError, match="no loss"):
        optimizer.step(closure)
    rates.state_dict()
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_factors_survive_a_restart() -> None:
    first, one = sgd()
    scheduler = SCHEDULERS["chainable"](one)
    rates = TorchRates(one)
    rates.set(0.03)
    state = json.loads(json.dumps(rates.state_dict()))
    second, other = sgd()
    resumed = SCHEDULERS["chainable"](other)
    again = TorchRates(other)
    again.load_state_dict(state)
    for _ in range(4):
        assert again.lr() == rates.lr()
        assert step(second, other) == step(first, one)
        scheduler.step()
        resumed.step()


def three_groups() -> tuple[SGD, TorchRates]:
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "name": name, "lr": lr} for name, lr in RATES.items()]
    optimizer = SGD(groups, lr=1.0)
    return optimizer, TorchRates(optimizer)


RATES = {"stem": 0.1, "body": 0.1, "head": 0.5}


def test_one_group_is_set_by_its_name_or_index() -> None:
    _, rates = three_groups()
    rates.set(0.25, "head")
    assert rates.lr() == {**RATES, "head": 0.25}
    parameter = nn.Parameter(torch.zeros(1))
    unnamed = TorchRates(SGD([{"params": [parameter]}, {"params": [nn.Parameter(torch.zeros(1))]}], lr=0.1))
    unnamed.set(0.2, 1)
    assert unnamed.lr() == {"0": 0.1, "1": 0.2}


def test_all_groups_are_set_together_only_if_their_rates_are_equal() -> None:
    optimizer, rates = three_groups()
    with pytest.raises(RequestRefused, match=r"stem: 0\.1, body: 0\.1, head: 0\.5"):
        rates.set(0.2)
    optimizer.param_groups[2]["lr"] = 0.1
    rates.set(0.2)
    assert set(rates.lr().values()) == {0.2}


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_what_is_no_rate_is_refused(value: float) -> None:
    _, optimizer = sgd()
    with pytest.raises(RequestRefused, match="0 or more"):
        TorchRates(optimizer).set(value)
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_an_unknown_group_is_refused_with_the_nearest() -> None:
    _, rates = three_groups()
    with pytest.raises(RequestRefused, match=r"'haed'.*'head'.*stem, body, head"):
        rates.set(0.1, "haed")
    with pytest.raises(RequestRefused, match="no optimizer"):
        TorchRates(None).set(0.1)


def test_a_scheduled_rate_of_zero_cannot_be_scaled() -> None:
    parameter, optimizer = sgd()
    scheduler = lr_scheduler.LambdaLR(optimizer, float)
    rates = TorchRates(optimizer)
    with pytest.raises(RequestRefused, match="warm-up"):
        rates.set(0.1)
    optimizer.step()
    scheduler.step()
    rates.set(0.05)
    assert step(parameter, optimizer) == pytest.approx(0.05)


def test_a_rate_of_zero_can_be_set_and_left_again() -> None:
    parameter, optimizer = sgd()
    SCHEDULERS["chainable"](optimizer)
    rates = TorchRates(optimizer)
    rates.set(0.0)
    assert step(parameter, optimizer) == 0.0
    rates.set(0.02)
    assert step(parameter, optimizer) == pytest.approx(0.02)


def test_groups_that_move_from_one_optimizer_to_another_are_found_again() -> None:
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(3)]
    first = torch.optim.SGD([{"params": weights[:1]}, {"params": weights[1:2]}], lr=0.1)
    second = torch.optim.SGD(weights[2:], lr=0.2)
    rates = TorchRates({"first": first, "second": second})
    assert rates.lr() == {"first.0": 0.1, "first.1": 0.1, "second.0": 0.2}
    second.add_param_group(first.param_groups.pop())
    assert rates.lr() == {"first.0": 0.1, "second.0": 0.2, "second.1": 0.1}
