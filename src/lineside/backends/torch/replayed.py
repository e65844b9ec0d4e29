"""Anything else that gives batches: entered in the middle by passing over what came before."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from torch.utils.data import DataLoader

from lineside.backends.torch.generators import GeneratorStates, Stream, derive
from lineside.backends.torch.rebuilt import is_plain, rebuild
from lineside.backends.torch.sampling import own_generators, samplers, set_epoch, unsaved_generator
from lineside.backends.torch.workers import working

log = logging.getLogger("lineside")

_END = object()


class ReplayedLoader:
    """The batches of an iterable, which is iterated anew for each epoch.

    Its beginning, up to the first batch, draws from a stream of its own, seeded by seed and epoch: an order that is
    shuffled there repeats. What it draws later it draws from the generators of the process, which are part of every
    checkpoint; to change them for each batch would cost some hundred microseconds a batch.

    Args:
        loader: any iterable that is no iterator.
        seed: of all epochs.
    """

    def __init__(self, loader: Any, seed: int) -> None:
        self._seed = seed
        self._workers = isinstance(loader, DataLoader) and loader.num_workers > 0
        self._parts = [loader, getattr(loader, "dataset", None)]
        if isinstance(loader, DataLoader):
            self._parts += samplers(loader)
        self._own = own_generators(*self._parts)
        self._loader = loader
        if is_plain(loader):
            generator = torch.Generator()
            size = {"batch_size": loader.batch_size, "drop_last": loader.drop_last}
            self._loader = rebuild(loader, loader.dataset, size, generator)
            self._own.append((generator, generator.initial_seed()))

    @property
    def inexact_reason(self) -> str | None:
        """What is not repeated when the batches of an epoch are passed over."""
        if self._workers and self._loader.persistent_workers:
            return "the workers of this iterable dataset live on from epoch to epoch: set persistent_workers=False"
        return unsaved_generator(*self._parts)

    def batches(self, epoch: int, skip: int) -> Iterator[Any]:
        """Yield the batches of an epoch; the first `skip` are loaded and passed over."""
        if type(self._loader) in (list, tuple):
            yield from islice(self._loader, skip, None)
            return
        with Stream(derive(self._seed, "order", epoch), self._own):
            set_epoch(epoch, *self._parts)
            iterator = iter(self._loader)
            first = next(iterator, _END)
        with working(self._loader, iterator):
            if first is _END:
                return
            if skip == 0:
                yield first
            elif pass_over(iterator, skip - 1):
                log.warning(
                    "%s drew random numbers for batches that were passed over: if they decide about later batches, as "
                    "in a shuffle buffer, those are others than without the interruption.",
                    type(self._loader).__name__,
                )
            yield from iterator


def pass_over(iterator: Iterator[Any], count: int) -> bool:
    """Read items and forget them; the generators of the process stay. Tell whether random numbers were drawn."""
    before = GeneratorStates.capture()
    for _ in islice(iterator, count):
        pass
    drew = GeneratorStates.capture().plain() != before.plain()
    before.restore()
    return drew
