"""Batches of another size, made of the samples of a real one."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from itertools import cycle, islice
from typing import Any

import torch
from torch import Tensor

from lineside.backends.torch.batches import batch_size
from lineside.errors import RequestRefused


def resized(batch: Any, samples: int) -> Any:
    """Return a batch of so many samples: those of a real batch, in turn, again and again.

    What counts samples is its first dimension, or its length: of every tensor and every list in it that has as many
    entries as the batch has samples. Everything else, such as a tensor without dimensions, stays as it is.

    Args:
        batch: tuples, lists, dicts, named tuples and dataclasses of tensors and lists, nested in any way.
        samples: how many, at least 1.

    Raises:
        RequestRefused: nothing in the batch counts samples.
    """
    size = batch_size(batch)
    made = _resized(batch, size, samples)
    if batch_size(made) != samples:
        raise RequestRefused(
            f"A batch that is a {type(batch).__name__} cannot be made larger or smaller: it takes tensors, or tuples, "
            "lists, dicts and dataclasses of them, whose first dimension counts samples."
        )
    return made


def _resized(part: Any, size: int, samples: int) -> Any:
    if isinstance(part, Tensor):
        if part.dim() == 0 or part.shape[0] != size:
            return part
        # An index and not `repeat`: memory for the result alone, whatever the ratio of the two.
        return part.index_select(0, torch.arange(samples, device=part.device) % size)
    if isinstance(part, (list, tuple)):
        if len(part) == size and not any(_counts(item, size) for item in part):
            return type(part)(islice(cycle(part), samples))  # labels, texts, names
        items = [_resized(item, size, samples) for item in part]
        return type(part)(*items) if hasattr(part, "_fields") else type(part)(items)
    fields: dict[Any, Any] = {}
    if isinstance(part, Mapping):
        fields = dict(part)
    elif dataclasses.is_dataclass(part) and not isinstance(part, type):
        fields = {field.name: getattr(part, field.name) for field in dataclasses.fields(part)}
    if not fields:
        return part
    made = copy.copy(part)
    for key, value in fields.items():
        if isinstance(part, Mapping):
            made[key] = _resized(value, size, samples)
        else:
            object.__setattr__(made, key, _resized(value, size, samples))  # a frozen one, too: the copy is ours
    return made


def _counts(item: Any, size: int) -> bool:
    """Tell whether an entry of a list is a part of the batch with samples of its own, and not one sample."""
    return isinstance(item, (Tensor, list, tuple, Mapping)) and batch_size(item) == size
