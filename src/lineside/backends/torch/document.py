"""A state dict as one document and, where it has tensors, one file beside it."""

from __future__ import annotations

from typing import Any

import torch

from lineside.backends.torch.tensors import copied, read_tensors, tensor_writer
from lineside.backends.tree import flatten, unflatten
from lineside.ports import HostState, SavedState


def packed(name: str, tree: Any) -> HostState:
    """Copy a state dict into ``<name>.json`` and ``<name>.safetensors``; the latter only if there are tensors.

    Raises:
        CheckpointContentsError: it holds something that is neither data nor tensor.
    """
    plain, tensors = flatten(tree, torch.is_tensor)
    files = {f"{name}.safetensors": tensor_writer(copied(tensors))} if tensors else {}
    return HostState(files, {f"{name}.json": plain})


def unpacked(name: str, saved: SavedState) -> Any:
    """Return the state dict that `packed` took, with tensors of its own on the CPU."""
    file = f"{name}.safetensors"
    tensors = copied(read_tensors(saved.file(file))) if saved.has(file) else {}
    return unflatten(saved.document(f"{name}.json"), tensors)


def joined(*states: HostState) -> HostState:
    """Return all files and documents of several states."""
    return HostState(
        {name: write for state in states for name, write in state.files.items()},
        {name: document for state in states for name, document in state.documents.items()},
    )
