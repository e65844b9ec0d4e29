"""Scalars that leave the device only when somebody wants to know."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lineside.metrics import Scalar


def freeze(scalar: Any) -> Scalar:
    """Return a number for a scalar on the CPU, and a copy of one that is on a device, without waiting for it."""
    if isinstance(scalar, Tensor):
        return float(scalar.item()) if scalar.is_cpu else scalar.detach().clone()
    return float(scalar)


def freeze_all(scalars: Sequence[Any]) -> list[Scalar] | None:
    """Do the same for many tensors by one operation; None if they are no tensors of one element, alike."""
    if set(map(type, scalars)) != {Tensor}:
        return None
    try:
        with torch.no_grad():
            together = torch.stack(tuple(scalars)).flatten()
    except RuntimeError:  # they differ in shape, type or device
        return None
    if len(together) != len(scalars):
        return None
    return together.double().tolist() if together.is_cpu else list(together.unbind())


def read(scalars: Sequence[Scalar]) -> list[float]:
    """Return numbers and tensors of one element as numbers, with one transfer per device."""
    places: dict[torch.device, dict[torch.dtype, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, scalar in enumerate(scalars):
        if isinstance(scalar, Tensor):
            places[scalar.device][scalar.dtype].append(index)
    numbers: dict[int, float] = {}
    for device, by_dtype in places.items():
        widest = torch.float32 if device.type == "mps" else torch.float64
        stacks = [torch.stack([_flat(scalars[index]) for index in indices]) for indices in by_dtype.values()]
        order = [index for indices in by_dtype.values() for index in indices]
        numbers.update(zip(order, torch.cat([stack.to(widest) for stack in stacks]).tolist(), strict=True))
    return [numbers[index] if index in numbers else float(scalar) for index, scalar in enumerate(scalars)]


def _flat(scalar: Any) -> Tensor:
    flat: Tensor = scalar.detach().reshape(())
    return flat
