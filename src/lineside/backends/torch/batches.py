"""Batches of any structure: moved to a device, counted, and taken apart into inputs and targets."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from lineside.errors import OptionError


def to_device(batch: Any, device: torch.device, non_blocking: bool = True) -> Any:
    """Return a batch with its tensors on a device.

    Tuples, lists, dicts, named tuples, dataclasses, and objects with a ``to(device)`` of their own (a `BatchEncoding`
    of Transformers, `Data` of PyTorch Geometric), nested in any way. What is there already is not copied: if nothing
    moves, the very object that was given comes back, and nothing is allocated.

    Args:
        batch: the batch.
        device: where to.
        non_blocking: do not wait for copies from pinned memory; what uses the tensors next is queued behind them.
    """
    if isinstance(batch, Tensor):
        if batch.device == device:
            return batch
        # Never on the way to the CPU: nothing there would wait for the copy to be complete.
        return batch.to(device, non_blocking=non_blocking and device.type != "cpu")
    kind = type(batch)
    if kind is tuple or kind is list:
        for index, item in enumerate(batch):
            moved = to_device(item, device, non_blocking)
            if moved is not item:
                rest = (to_device(other, device, non_blocking) for other in batch[index + 1 :])
                return kind((*batch[:index], moved, *rest))
        return batch
    if isinstance(batch, (str, bytes, int, float)) or batch is None:
        return batch
    return _move_object(batch, device, non_blocking)


def _move_object(batch: Any, device: torch.device, non_blocking: bool) -> Any:
    moved: Any = batch
    if hasattr(batch, "to"):
        try:
            moved = batch.to(device, non_blocking=non_blocking)
        except TypeError:  # its `to` takes the device alone
            moved = batch.to(device)
    elif isinstance(batch, (tuple, list)):
        items = [to_device(item, device, non_blocking) for item in batch]
        if any(there is not item for there, item in zip(items, batch, strict=True)):
            moved = type(batch)(*items) if hasattr(batch, "_fields") else type(batch)(items)
    elif isinstance(batch, Mapping):
        for key, value in _changed(batch, device, non_blocking).items():
            # Copied first, so that an OrderedDict, a defaultdict or a UserDict stays what it is.
            moved = copy.copy(batch) if moved is batch else moved
            moved[key] = value
    elif dataclasses.is_dataclass(batch):
        fields = {field.name: getattr(batch, field.name) for field in dataclasses.fields(batch)}
        for key, value in _changed(fields, device, non_blocking).items():
            moved = copy.copy(batch) if moved is batch else moved
            object.__setattr__(moved, key, value)  # a frozen one, too: the copy is ours
    return moved


def _changed(items: Mapping[Any, Any], device: torch.device, non_blocking: bool) -> dict[Any, Any]:
    moved = ((key, item, to_device(item, device, non_blocking)) for key, item in items.items())
    return {key: there for key, item, there in moved if there is not item}


def batch_size(batch: Any) -> int:
    """Return the first dimension of the first tensor in a batch; 1 if there is none.

    A batch of graphs (PyTorch Geometric) says itself how many it holds, in ``num_graphs``.
    """
    size = _size(batch)
    return 1 if size is None else size


def _size(batch: Any) -> int | None:
    if isinstance(batch, Tensor):
        return batch.shape[0] if batch.dim() else None
    items: Iterable[Any] = ()
    if isinstance(batch, (tuple, list)):
        items = batch
    elif isinstance(batch, Mapping):
        items = batch.values()
    elif isinstance(graphs := getattr(batch, "num_graphs", None), int):
        return graphs
    elif dataclasses.is_dataclass(batch):
        items = [getattr(batch, field.name) for field in dataclasses.fields(batch)]
    for item in items:
        size = _size(item)
        if size is not None:
            return size
    return None


def inputs_and_targets(batch: Any) -> tuple[Any, Any]:
    """Take a pair apart.

    Raises:
        OptionError: the batch is no pair; the message says how `step=` takes any batch.
    """
    if isinstance(batch, (tuple, list)) and len(batch) == 2:
        return batch[0], batch[1]
    what = f"a {type(batch).__name__}"
    if isinstance(batch, (tuple, list)):
        what += f" of {len(batch)}"
    elif isinstance(batch, Mapping):
        what += f" with {', '.join(map(str, batch))}"
    raise OptionError(
        f"The batch is {what}, and loss(model(inputs), targets) needs a pair of inputs and targets. For any other "
        "batch give the trainer step=, a function step(model, batch, run) that returns the loss."
    )
