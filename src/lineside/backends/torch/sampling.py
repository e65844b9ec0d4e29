"""The order in which a loader's own samplers give the data, as a function of seed and epoch."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler

from lineside.backends.torch.generators import Stream, derive


class SeededOrder(Sampler[Any]):
    """Gives what the loader's sampler, or batch sampler, gives, under generators seeded by seed and epoch.

    Whatever the sampler draws from, the same epoch has the same order, and the generators of the process do not notice.
    The sampler is asked for some hundred indices at a time, so that one without an end works as well.

    Args:
        loader: whose sampler it is.
        seed: of all epochs.
        numbered: give ``(epoch, number, indices)`` instead of the indices, for workers that seed themselves.
    """

    AHEAD = 1024
    """How many batches are drawn at a time; changing generators costs some hundred microseconds."""

    def __init__(self, loader: DataLoader[Any], seed: int, *, numbered: bool) -> None:
        self._sampler = loader.sampler if loader.batch_sampler is None else loader.batch_sampler
        self._samplers = samplers(loader)
        self._own = own_generators(loader, *self._samplers)
        self._seed = seed
        self._numbered = numbered
        self._epoch = self._skip = 0

    def begin(self, epoch: int, skip: int) -> None:
        """Choose what the next iteration gives: an epoch without its first `skip` batches."""
        self._epoch, self._skip = epoch, skip

    def __iter__(self) -> Iterator[Any]:
        return self._drawn(self._epoch, self._skip)

    def _drawn(self, epoch: int, skip: int) -> Iterator[Any]:
        stream = Stream(derive(self._seed, "order", epoch), self._own)
        with stream:
            set_epoch(epoch, *self._samplers)
            source = enumerate(iter(self._sampler))
        while True:
            with stream:
                drawn = list(islice(source, self.AHEAD))
            for number, indices in drawn:
                if number >= skip:
                    yield (epoch, number, indices) if self._numbered else indices
            if len(drawn) < self.AHEAD:
                return


def samplers(loader: DataLoader[Any]) -> list[Any]:
    """Return the batch sampler, the sampler, and the sampler within the batch sampler."""
    found = [loader.batch_sampler, loader.sampler, getattr(loader.batch_sampler, "sampler", None)]
    return list({id(one): one for one in found if one is not None}.values())


def set_epoch(epoch: int, *objects: Any) -> None:
    """Tell the epoch to those that want to know it, as `DistributedSampler` does."""
    for one in objects:
        if callable(getattr(one, "set_epoch", None)):
            one.set_epoch(epoch)


def own_generators(*objects: Any) -> list[tuple[torch.Generator, int]]:
    """Return the generators of torch that objects hold, each with the seed that it was made with."""
    held = [value for one in objects for value in _attributes(one).values() if isinstance(value, torch.Generator)]
    return [(generator, generator.initial_seed()) for generator in {id(one): one for one in held}.values()]


def unsaved_generator(*objects: Any) -> str | None:
    """Say which attribute draws random numbers that nobody saves or seeds; None if there is none."""
    kinds: tuple[type, ...] = (random.Random,)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        kinds += (numpy.random.Generator, numpy.random.RandomState)
    for one in objects:
        for name, value in _attributes(one).items():
            if isinstance(value, kinds):
                return (
                    f"{type(one).__name__}.{name} is a random generator of its own, whose state is not saved: draw "
                    "from the global generators of random, numpy.random or torch"
                )
    return None


def _attributes(one: Any) -> dict[str, Any]:
    return getattr(one, "__dict__", {})
