"""Data loaders whose epochs can be repeated, and entered in the middle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Protocol

from torch.utils.data import Dataset, IterableDataset

from lineside.backends.torch.generators import derive
from lineside.backends.torch.rebuilt import RebuiltLoader, is_plain
from lineside.backends.torch.replayed import ReplayedLoader
from lineside.backends.torch.stateful import StatefulLoader
from lineside.errors import OptionError


class _Epochs(Protocol):
    """One way of giving an epoch from its middle on."""

    @property
    def inexact_reason(self) -> str | None: ...
    def batches(self, epoch: int, skip: int) -> Iterator[Any]: ...


class ResumableLoader:
    """The batches of a loader, by epoch, each epoch a function of the seed.

    Iterating leaves the random generators of the process alone; only a dataset that is read in this process, without
    workers, draws from them. How an epoch is entered in its middle depends on the loader:

    ==========================================  ==================================================================
    DataLoader over a map-style dataset         exact; skipped batches are not loaded, augmentation repeats
    object with ``state_dict``                  goes on from its state, which `state` returns
    list, other DataLoader, any other iterable  replayed: skipped batches are loaded and passed over
    iterator or generator                       passed over once; not exact, since it cannot begin anew
    ==========================================  ==================================================================

    Args:
        loader: anything that can be iterated and gives batches.
        seed: of all epochs.
        purpose: tells loaders of one run apart: ``train``, ``val``.

    Raises:
        OptionError: it gives no batches; the message says what to give.
    """

    def __init__(self, loader: Any, seed: int, purpose: str) -> None:
        _check(loader, purpose)
        self._loader = loader
        self._epochs = _epochs(loader, derive(seed, "loader", purpose))

    @property
    def length(self) -> int | None:
        """Batches per epoch, where the loader knows it."""
        try:
            return len(self._loader)
        except (TypeError, NotImplementedError):
            return None

    @property
    def exact(self) -> bool:
        """Whether an epoch that is entered in its middle gives the batches that it would have given."""
        return self.inexact_reason is None

    @property
    def inexact_reason(self) -> str | None:
        """Why a resumed epoch may not give the same batches; None if it does."""
        return self._epochs.inexact_reason

    @property
    def workers(self) -> int | None:
        """Processes that load beside the training; None where the loader does not tell."""
        workers = getattr(self._loader, "num_workers", None)
        return workers if isinstance(workers, int) else None

    def batches(self, epoch: int, skip: int = 0) -> Iterator[Any]:
        """Yield the batches of an epoch, without the first `skip`. Closing the generator ends the workers."""
        return self._epochs.batches(epoch, skip)

    def close(self) -> None:
        """End the workers that a loader rebuilt for this run keeps from epoch to epoch."""
        if isinstance(self._epochs, RebuiltLoader):
            self._epochs.close()

    def state(self) -> dict[str, Any] | None:
        """Return where a loader with a state stands, as data that JSON holds; None for all others."""
        return self._epochs.state() if isinstance(self._epochs, StatefulLoader) else None

    def load_state(self, state: Mapping[str, Any] | None) -> None:
        """Put back what `state` returned; the next epoch goes on from there, whatever it is told to skip."""
        if state is not None and isinstance(self._epochs, StatefulLoader):
            self._epochs.load_state(state)


class _PassedOnce:
    """An iterator: it gives what is left in it."""

    inexact_reason = "it is an iterator, which cannot begin anew: give the object that iter() was called on"

    def __init__(self, iterator: Iterator[Any]) -> None:
        self._iterator = iterator

    def batches(self, epoch: int, skip: int) -> Iterator[Any]:
        yield from islice(self._iterator, skip, None)


def _epochs(loader: Any, seed: int) -> _Epochs:
    if is_plain(loader) and not isinstance(loader.dataset, IterableDataset):
        return RebuiltLoader(loader, seed)
    if hasattr(loader, "state_dict") and hasattr(loader, "load_state_dict"):
        return StatefulLoader(loader, seed)
    if isinstance(loader, Iterator):
        return _PassedOnce(loader)
    return ReplayedLoader(loader, seed)


def _check(loader: Any, purpose: str) -> None:
    what = f"The {purpose} data is a {type(loader).__name__}"
    if isinstance(loader, Dataset) and not isinstance(loader, Iterable):
        raise OptionError(f"{what}, which gives samples: wrap it, as DataLoader(dataset, batch_size=32, shuffle=True).")
    if isinstance(loader, (Mapping, str, bytes)):
        raise OptionError(f"{what}; it takes one loader, such as a DataLoader, or an iterable of batches.")
    if not isinstance(loader, Iterable) and not hasattr(loader, "__getitem__"):
        raise OptionError(f"{what}, which cannot be iterated: give a DataLoader, or any iterable of batches.")
