"""Numbers that Ultralytics does not hand over: how many images a batch has, and what its named losses come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def images(loader: Any, index: int) -> int:
    """Return how many images this process has in the batch of that index: the last one of a loader may hold fewer."""
    size = int(loader.batch_size)
    # Of several processes each has a share of the images.
    return max(1, min(size, len(loader.sampler) - index * size))


def summed(losses: Mapping[str, Any]) -> Any:
    """Return the sum of named losses, left on their device."""
    return sum(losses.values())


def scalars(values: Mapping[str, Any]) -> dict[str, float]:
    """Return values as numbers; waits for their device."""
    return {name: float(value) for name, value in values.items()}
