"""Numbers that Ultralytics does not hand over: how many images a batch has, and what its named losses come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Sizes:
    """How many images each batch of a loader has: the last one may hold fewer than the others.

    Args:
        loader: of Ultralytics, as it is for one epoch.
        processes: that share the images of a batch, each with a loader of its own.

    Attributes:
        full_batches: how many of the first batches are full.
        full: images in each of those.
        rest: images in one behind them.
    """

    def __init__(self, loader: Any, processes: int) -> None:
        size = int(loader.batch_size)
        # Of several processes each has a share of the images.
        self.full_batches, rest = divmod(len(loader.sampler), size)
        self.full, self.rest = size * processes, max(1, rest) * processes

    def of(self, index: int) -> int:
        """Return how many images the batch of that index holds."""
        return self.full if index < self.full_batches else self.rest


def summed(losses: Mapping[str, Any]) -> Any:
    """Return the sum of named losses, left on their device."""
    return sum(losses.values())


def with_sum(losses: Mapping[str, Any]) -> dict[str, Any]:
    """Return named losses and their sum, ``loss``: tensors that are on a device stay there.

    On the CPU they are numbers at once, since adding numbers takes a tenth of the time that adding tensors takes.
    """
    values, total = {"loss": 0.0}, 0.0
    for name, loss in losses.items():
        if not loss.is_cpu:
            return {"loss": summed(losses), **losses}
        values[name] = number = float(loss)
        total += number
    values["loss"] = total
    return values


def scalars(values: Mapping[str, Any]) -> dict[str, float]:
    """Return values as numbers; waits for their device."""
    return {name: float(value) for name, value in values.items()}
