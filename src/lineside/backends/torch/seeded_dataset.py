"""A dataset that seeds the worker process before each sample, so that random augmentation repeats."""

from __future__ import annotations

from typing import Any

from torch.utils.data import Dataset

from lineside.backends.torch.generators import derive, seed_host_generators

_OWN = ("_dataset", "_seed")


class SeededDataset(Dataset[Any]):
    """Passes everything on to a dataset, after seeding by seed, epoch, batch and place in the batch.

    The place counts and not the sample: a sample that is drawn twice in an epoch is augmented in two ways. A dataset
    that fetches whole batches (``__getitems__``) is seeded once per batch. Other attributes are those of the dataset
    itself, since a ``worker_init_fn`` may read and set them.

    Args:
        dataset: map-style.
        seed: of all epochs.
    """

    def __init__(self, dataset: Dataset[Any], seed: int) -> None:
        self._dataset = dataset
        self._seed = seed

    def __getitem__(self, index: tuple[int, int, Any]) -> Any:
        epoch, number, key = index
        seed_host_generators(derive(self._seed, "sample", epoch, number))
        return self._dataset[key]

    def __getitems__(self, index: tuple[int, int, Any]) -> Any:
        epoch, number, keys = index
        fetch = getattr(self._dataset, "__getitems__", None)
        if fetch:
            seed_host_generators(derive(self._seed, "batch", epoch, number))
            return fetch(keys)
        samples = []
        for place, key in enumerate(keys):
            seed_host_generators(derive(self._seed, "sample", epoch, number, place))
            samples.append(self._dataset[key])
        return samples

    def __getattr__(self, name: str) -> Any:
        if name in _OWN:  # asked for while being unpickled
            raise AttributeError(name)
        return getattr(self._dataset, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            setattr(self._dataset, name, value)
