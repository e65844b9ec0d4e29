"""A torch DataLoader over a map-style dataset, rebuilt so that any epoch can be entered at any batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset

from lineside.backends.torch.generators import derive
from lineside.backends.torch.sampling import SeededOrder, samplers, unsaved_generator
from lineside.backends.torch.seeded_dataset import SeededDataset


def is_rebuildable(loader: Any) -> bool:
    """Tell whether a loader gives no more than its sampler, its dataset and its collation give."""
    kind = type(loader)
    return (
        isinstance(loader, DataLoader)
        and kind.__iter__ is DataLoader.__iter__
        and kind._get_iterator is DataLoader._get_iterator  # noqa: SLF001 - some subclasses override this one
        and not isinstance(loader.dataset, IterableDataset)
    )


class RebuiltLoader:
    """The batches of a DataLoader, by seed and epoch.

    The order is that of the loader's own samplers, drawn under seeded generators. With workers every sample is seeded
    there. Without workers the dataset draws from the generators of the training process, which a checkpoint holds
    anyway, and no work is added.

    Args:
        loader: for which `is_rebuildable`.
        seed: of all epochs.
    """

    def __init__(self, loader: DataLoader[Any], seed: int) -> None:
        self._seed = seed
        self._order = SeededOrder(loader, seed, numbered=loader.num_workers > 0)
        # The seed of the workers comes from here, and not from the generator of the process.
        self._base = torch.Generator()
        self._loader = self._rebuilt(loader)
        self._original = loader

    def _rebuilt(self, loader: DataLoader[Any]) -> DataLoader[Any]:
        dataset = SeededDataset(loader.dataset, self._seed) if loader.num_workers > 0 else loader.dataset
        order: dict[str, Any] = {"batch_sampler": self._order}
        if loader.batch_sampler is None:
            order = {"sampler": self._order, "batch_size": None}
        return DataLoader(
            dataset,
            **order,
            num_workers=loader.num_workers,
            collate_fn=loader.collate_fn,
            pin_memory=loader.pin_memory,
            timeout=loader.timeout,
            worker_init_fn=loader.worker_init_fn,
            multiprocessing_context=loader.multiprocessing_context,
            generator=self._base,
            prefetch_factor=loader.prefetch_factor,
            persistent_workers=loader.persistent_workers,
            pin_memory_device=loader.pin_memory_device,
            in_order=loader.in_order,
        )

    @property
    def inexact_reason(self) -> str | None:
        """Generators of its own that a dataset or sampler draws from, which nobody saves."""
        held = unsaved_generator(self._original.dataset, *samplers(self._original))
        if held is None:
            return None
        return (
            f"{held} is a random generator of its own, whose state is not saved; draw from the global generators of "
            "random, numpy.random or torch"
        )

    def batches(self, epoch: int, skip: int) -> Iterator[Any]:
        """Yield the batches of an epoch; the first `skip` are not loaded."""
        self._order.begin(epoch, skip)
        self._base.manual_seed(derive(self._seed, "workers", epoch))
        iterator = iter(self._loader)
        try:
            yield from iterator
        finally:
            stop_workers(self._loader, iterator)


def stop_workers(loader: Any, iterator: Any) -> None:
    """End the workers of an iteration that was left early, unless they are kept for the next epoch."""
    stop = getattr(iterator, "_shutdown_workers", None)
    if stop is not None and not getattr(loader, "persistent_workers", False):
        stop()
