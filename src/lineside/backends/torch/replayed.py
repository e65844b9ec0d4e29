"""Anything else that gives batches: entered in the middle by passing over what came before."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from torch.utils.data import DataLoader

from lineside.backends.torch.generators import Stream, derive
from lineside.backends.torch.rebuilt import is_plain, rebuild, stop_workers
from lineside.backends.torch.sampling import own_generators, samplers, set_epoch, unsaved_generator

_END = object()


class ReplayedLoader:
    """The batches of an iterable, which is iterated anew for each epoch.

    What it draws from the generators of the process, it draws from a stream of its own, seeded by seed and epoch, so
    that passing over batches a second time gives what it gave the first time. Lists and tuples draw nothing; the
    workers of a DataLoader draw in processes of their own, so the stream is needed only where they are seeded.

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
        stream = Stream(derive(self._seed, "order", epoch), self._own)
        with stream:
            set_epoch(epoch, *self._parts)
            iterator = iter(self._loader)
        try:
            drawn = iterator if self._workers else drawn_from(iterator, stream)
            yield from islice(drawn, skip, None)
        finally:
            stop_workers(self._loader, iterator)


def drawn_from(iterator: Iterator[Any], stream: Stream) -> Iterator[Any]:
    """Yield what an iterator gives, each item drawn from the stream."""
    while True:
        with stream:
            item = next(iterator, _END)
        if item is _END:
            return
        yield item
