"""A torch DataLoader over a map-style dataset, rebuilt so that any epoch can be entered at any batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from lineside.backends.torch.generators import derive
from lineside.backends.torch.sampling import SeededOrder, samplers, unsaved_generator
from lineside.backends.torch.seeded_dataset import SeededDataset
from lineside.backends.torch.workers import WorkerStart, stop, stop_at_exit, working


def is_plain(loader: Any) -> bool:
    """Tell whether a loader is a DataLoader that gives no more than its sampler, dataset and collation give."""
    kind = type(loader)
    return (
        isinstance(loader, DataLoader)
        and kind.__iter__ is DataLoader.__iter__
        and kind._get_iterator is DataLoader._get_iterator  # noqa: SLF001 - some subclasses override this one
    )


def rebuild(
    loader: DataLoader[Any], dataset: Dataset[Any], order: dict[str, Any], generator: torch.Generator
) -> DataLoader[Any]:
    """Return a loader with all options of a plain one, except for what chooses the data.

    Args:
        loader: whose options they are.
        dataset: read instead of the loader's own.
        order: the options that choose: ``batch_sampler``, or ``sampler``, ``batch_size``, ``drop_last``.
        generator: gives the workers' seeds, which are drawn from the generator of the process otherwise.
    """
    rebuilt: DataLoader[Any] = DataLoader(
        dataset,
        **order,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=WorkerStart(loader.worker_init_fn),
        multiprocessing_context=loader.multiprocessing_context,
        generator=generator,
        prefetch_factor=loader.prefetch_factor,
        persistent_workers=loader.persistent_workers,
        pin_memory_device=loader.pin_memory_device,
        in_order=loader.in_order,
    )
    if loader.persistent_workers:
        stop_at_exit(rebuilt)
    return rebuilt


class RebuiltLoader:
    """The batches of a DataLoader, by seed and epoch.

    The order is that of the loader's own samplers, drawn under seeded generators. With workers every sample is seeded
    there. Without workers the dataset draws from the generators of the training process, which a checkpoint holds
    anyway, and no work is added. It is rebuilt once, so that workers that persist do so here.

    Args:
        loader: a plain one, over a map-style dataset.
        seed: of all epochs.
    """

    def __init__(self, loader: DataLoader[Any], seed: int) -> None:
        self._original = loader
        self._seed = seed
        self._generator = torch.Generator()
        self._order = SeededOrder(loader, seed, numbered=loader.num_workers > 0)
        dataset = SeededDataset(loader.dataset, seed) if loader.num_workers > 0 else loader.dataset
        by_sample = {"sampler": self._order, "batch_size": None}
        order = by_sample if loader.batch_sampler is None else {"batch_sampler": self._order}
        self._loader = rebuild(loader, dataset, order, self._generator)

    @property
    def inexact_reason(self) -> str | None:
        """Generators of its own that a dataset or sampler draws from, which nobody saves."""
        return unsaved_generator(self._original.dataset, *samplers(self._original))

    def batches(self, epoch: int, skip: int) -> Iterator[Any]:
        """Yield the batches of an epoch; the first `skip` are not loaded."""
        self._order.begin(epoch, skip)
        self._generator.manual_seed(derive(self._seed, "workers", epoch))
        iterator = iter(self._loader)
        with working(self._loader, iterator):
            yield from iterator

    def close(self) -> None:
        """Stop workers that persist; the next epoch would start new ones."""
        iterator, self._loader._iterator = self._loader._iterator, None  # noqa: SLF001 - torch has no public way
        stop(iterator)
