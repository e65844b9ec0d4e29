from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from lineside.backends.torch.scalars import freeze, read


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
