"""How many samples the batches of a loader have, told without a look at any of them."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any, Self

from torch.utils.data import BatchSampler


class Sizes:
    """All batches of an epoch are full, but for the last one, which holds what is left.

    Args:
        samples: of the epoch, in this process.
        full: samples in a batch of this process.
        processes: that share each batch; sizes are those of the whole.
    """

    def __init__(self, samples: int, full: int, processes: int = 1) -> None:
        self.full_batches, rest = divmod(samples, full)
        self.full, self.rest = full * processes, max(1, rest) * processes

    @classmethod
    def told_by(cls, loader: Any) -> Self | None:
        """Return the sizes of a loader that draws its batches as torch's own does; None for all others."""
        drawn = getattr(loader, "batch_sampler", None)
        if type(drawn) is not BatchSampler or not isinstance(drawn.sampler, Sized):
            return None
        return cls(len(drawn.sampler), drawn.batch_size)

    def of(self, index: int) -> int:
        """Return how many samples the batch of that index holds."""
        return self.full if index < self.full_batches else self.rest

    def of_several(self, index: int, count: int) -> list[int]:
        """Return the same for several batches from that index on."""
        full = min(count, max(0, self.full_batches - index))
        return [self.full] * full + [self.rest] * (count - full)
