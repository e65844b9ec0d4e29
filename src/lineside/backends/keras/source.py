"""Data of a loop that trains with Keras: `tf.data` or any other iterable, read anew in each epoch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from lineside.errors import OptionError


class ReplayedSource:
    """Any iterable; a resumed epoch is entered by reading past the batches that are over."""

    workers: int | None = None

    def __init__(self, loader: Iterable[Any]) -> None:
        if not isinstance(loader, Iterable):
            raise OptionError(f"run.batches({loader!r}): a {type(loader).__name__} cannot be iterated.")
        self._loader = loader

    @property
    def length(self) -> int | None:
        """Batches per epoch, where known; `tf.data` says -1 for infinite and -2 for unknown."""
        cardinality = getattr(self._loader, "cardinality", None)
        if cardinality is not None:
            count = int(cardinality())
            return count if count >= 0 else None
        try:
            return len(self._loader)  # type: ignore[arg-type] # whoever has no length says so
        except TypeError:
            return None

    @property
    def inexact_reason(self) -> str | None:
        """An iterator cannot be read twice; shuffled `tf.data` repeats only with a seed of its own."""
        if iter(self._loader) is self._loader:
            return "the data is an iterator, which cannot be read twice"
        return None

    def batches(self, epoch: int, skip: int = 0) -> Iterator[Any]:
        """Yield the batches of an epoch, without the first `skip`."""
        return islice(iter(self._loader), skip, None)

    def state(self) -> None:
        """An iterable does not know where it is."""

    def load_state(self, state: Mapping[str, Any] | None) -> None:
        """Nothing to put back."""


def batch_size(batch: Any) -> int:
    """Return the first dimension of the first array in a batch; 1 if there is none."""
    if isinstance(batch, Mapping):
        batch = list(batch.values())
    if isinstance(batch, (tuple, list)):
        return batch_size(batch[0]) if batch else 1
    shape = getattr(batch, "shape", None)
    return int(shape[0]) if shape is not None and len(shape) and shape[0] is not None else 1
