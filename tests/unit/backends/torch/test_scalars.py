from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from lineside.backends.torch.scalars import freeze, freeze_all, read


@pytest.mark.parametrize(
    "value", [3, 2.5, True, torch.tensor(2.5), torch.tensor([[7]]), torch.tensor(3.0, requires_grad=True)]
)
def test_what_is_on_the_cpu_is_a_number_at_once(value: Any) -> None:
    frozen = freeze(value)
    assert type(frozen) is float
    assert frozen == (value.item() if isinstance(value, torch.Tensor) else value)


def test_what_is_on_a_device_is_copied_there() -> None:
    scalar = torch.zeros((), device="meta", requires_grad=True)
    frozen = freeze(scalar)
    assert isinstance(frozen, torch.Tensor)
    assert frozen is not scalar
    assert (frozen.device.type, frozen.requires_grad) == ("meta", False)


def test_scalars_are_read_together_and_in_order() -> None:
    scalars = [
        1.5,
        torch.tensor(0.1),
        torch.tensor([2**40 + 1]),
        torch.tensor(0.1, dtype=torch.float64),
        torch.tensor(1.25).bfloat16(),
        2,
        torch.tensor(math.inf),
    ]
    assert read(scalars) == [1.5, torch.tensor(0.1).item(), 2**40 + 1, 0.1, 1.25, 2.0, math.inf]
    assert read([]) == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64])
@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_tensors_that_are_alike_are_frozen_at_once(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    scalars = [torch.full(shape, value, dtype=dtype) for value in (1, 3, 7)]
    frozen = freeze_all(scalars)
    assert frozen == [freeze(scalar) for scalar in scalars]
    assert {type(number) for number in frozen} == {float}


def test_tensors_with_a_graph_are_frozen_without_it() -> None:
    weight = torch.ones((), requires_grad=True)
    assert freeze_all([weight * 2, weight * 3]) == [2.0, 3.0]


def test_tensors_on_a_device_stay_there_as_one_copy() -> None:
    frozen = freeze_all([torch.zeros((), device="meta", requires_grad=True)] * 2)
    assert frozen is not None
    assert [(one.device.type, one.shape, one.requires_grad) for one in frozen] == [("meta", (), False)] * 2  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "scalars",
    [
        [torch.zeros(()), 1.0],
        [torch.zeros(()), torch.zeros(1)],
        [torch.zeros(2), torch.zeros(2)],
        [torch.zeros(()), torch.zeros((), device="meta")],
        [1.0, 2.0],
    ],
)
def test_what_is_not_alike_is_looked_at_one_by_one(scalars: list[Any]) -> None:
    assert freeze_all(scalars) is None
