"""A loader that can say and take back where it is, such as torchdata's StatefulDataLoader."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from lineside.backends.torch.generators import Stream, derive
from lineside.backends.torch.replayed import pass_over
from lineside.backends.torch.sampling import set_epoch
from lineside.backends.torch.tensors import from_bytes, to_bytes
from lineside.backends.torch.workers import working
from lineside.backends.tree import flatten, unflatten


class StatefulLoader:
    """The batches of a loader with `state_dict` and `load_state_dict`, which keeps its own place.

    Beginning an epoch draws from a stream of its own, seeded by seed and epoch; later it draws from the generators of
    the process, which are part of every checkpoint.

    Args:
        loader: iterable, with both methods.
        seed: of all epochs.
    """

    inexact_reason = None

    def __init__(self, loader: Any, seed: int) -> None:
        self._loader = loader
        self._seed = seed
        self._loaded: Mapping[str, Any] | None = None

    def state(self) -> dict[str, Any]:
        """Return the loader's state, behind the batches that it has given so far, as data that JSON holds."""
        plain, tensors = flatten(self._loader.state_dict(), torch.is_tensor)
        packed = base64.b64encode(to_bytes(tensors)).decode("ascii")
        return {"loader": plain, "tensors": packed}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Put a state back; the next epoch that is iterated goes on from it."""
        tensors = from_bytes(base64.b64decode(state["tensors"]))
        self._loader.load_state_dict(unflatten(state["loader"], tensors))
        self._loaded = state

    def batches(self, epoch: int, skip: int) -> Iterator[Any]:
        """Yield the batches of an epoch; the first `skip` are passed over, unless a state has been put back."""
        loaded, self._loaded = self._loaded, None
        with Stream(derive(self._seed, "order", epoch)):
            set_epoch(epoch, self._loader)
            iterator = iter(self._loader)
        with working(self._loader, iterator):
            if loaded is None:
                pass_over(iterator, skip)
            yield from iterator
