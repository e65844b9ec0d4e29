"""Tensors on disk: safetensors for what Lineside reads back, stand-alone weight files for everybody.

NumPy is not needed: safetensors' own `save_file` goes through it, so the addresses of the tensors are given to the
library directly.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, TensorSpec, serialize, serialize_file
from safetensors.torch import load, load_file
from torch import Tensor

from lineside.backends.torch.memory import is_out_of_memory, release
from lineside.errors import CheckpointContentsError, CheckpointDamaged, OptionError, nearest
from lineside.ports import TensorWriter

WEIGHT_SUFFIXES = (".safetensors", ".pt")


def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies, on their devices, that later in-place changes cannot touch."""
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def tensor_writer(tensors: Mapping[str, Tensor]) -> TensorWriter:
    """Return a function that writes tensors to a safetensors file; views and shared storages are written out.

    The tensors are not copied: nothing may change them until they are written.

    Raises:
        CheckpointContentsError: a tensor is sparse or quantised, has no data, or a dtype that safetensors lacks.
    """
    held = dict(tensors)
    for name, tensor in held.items():
        _check(name, tensor)

    def write(path: Path) -> None:
        # safetensors writes beside the path, readable for its owner alone, and renames; the mode is that of the umask.
        path.touch()
        mode = path.stat().st_mode
        laid_out = _laid_out(held)
        try:
            serialize_file(_specs(laid_out), path)
        except SafetensorError as error:
            raise _os_error(error, path) from error
        path.chmod(mode)

    return write


def read_tensors(path: Path, device: str | torch.device = "cpu") -> dict[str, Tensor]:
    """Read a safetensors file; on the CPU the tensors are a private memory map of it, where there is room for one.

    Raises:
        CheckpointDamaged: it is no sound safetensors file.
    """
    try:
        try:
            return load_file(path, str(device))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # A map needs address space of its own. Behind a batch that was too large there may be none left within the
        # process's limit, while the allocator still holds what was freed: plain reading uses that.
        release()
        return {name: tensor.to(device) for name, tensor in load(path.read_bytes()).items()}
    except SafetensorError as error:
        raise CheckpointDamaged(path.parent, path.name, str(error)) from error


def to_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Return tensors as the bytes of a safetensors file; for small states that travel in a document."""
    for name, tensor in tensors.items():
        _check(name, tensor)
    laid_out = _laid_out(tensors)
    return bytes(serialize(_specs(laid_out)))


def from_bytes(data: bytes) -> dict[str, Tensor]:
    """Read what `to_bytes` returned, as tensors on the CPU."""
    return {name: tensor.clone() for name, tensor in load(data).items()}


def check_weight_suffix(suffix: str) -> None:
    """Refuse a suffix of weight files that cannot be written.

    Raises:
        OptionError: listing those that can.
    """
    if suffix not in WEIGHT_SUFFIXES:
        raise OptionError(
            f"Weights of a PyTorch model cannot be written to {suffix or 'a file without a suffix'!r}."
            f"{nearest(suffix, WEIGHT_SUFFIXES)} Let the file name end in {' or '.join(WEIGHT_SUFFIXES)}."
        )


def weight_writer(weights: Mapping[str, Tensor], suffix: str) -> TensorWriter:
    """Return a function that writes a stand-alone weight file, which ``model.load_state_dict`` takes as it is.

    Args:
        weights: all names of the model's state dict, tied ones too. Not copied.
        suffix: ``.safetensors``, read by ``safetensors.torch.load_file``, or ``.pt``, read by
            ``torch.load(path, weights_only=True)``.

    Raises:
        OptionError: another suffix.
        CheckpointContentsError: see `tensor_writer`.
    """
    check_weight_suffix(suffix)
    if suffix == ".safetensors":
        return tensor_writer(weights)
    held = dict(weights)

    def write(path: Path) -> None:
        try:
            with path.open("wb") as file:
                torch.save(_on_cpu(held), file)
        except RuntimeError as error:
            # What closing the archive complains about hides what went wrong: a full disk.
            if isinstance(error.__context__, OSError):
                raise error.__context__ from error
            raise

    return write


def _on_cpu(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    # One copy per tensor, so that tied weights stay tied in a pickle.
    moved = {id(tensor): tensor.detach().cpu() for tensor in tensors.values()}
    return {name: moved[id(tensor)] for name, tensor in tensors.items()}


def _laid_out(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().resolve_conj().resolve_neg().cpu().contiguous() for name, tensor in tensors.items()}


def _dtype_name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _specs(tensors: Mapping[str, Tensor]) -> dict[str, TensorSpec]:
    return {
        name: TensorSpec(
            dtype=_dtype_name(tensor), shape=list(tensor.shape), data_ptr=tensor.data_ptr(), data_len=tensor.nbytes
        )
        for name, tensor in tensors.items()
    }


def _check(name: str, tensor: Tensor) -> None:
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
        kind = "quantised" if tensor.is_quantized else "without data (meta)" if tensor.is_meta else str(tensor.layout)
        raise CheckpointContentsError(f"The tensor {name!r} is {kind}; a checkpoint holds dense tensors.")
    try:
        TensorSpec(dtype=_dtype_name(tensor), shape=[0], data_ptr=0, data_len=0)
    except SafetensorError as error:
        raise CheckpointContentsError(f"The tensor {name!r} cannot be saved: {error}") from None


def _os_error(error: SafetensorError, path: Path) -> Exception:
    """Give back the system's error, which the library turns into a text, so that a full disk is known as one."""
    number = re.search(r"\(os error (\d+)\)", str(error))
    return OSError(int(number[1]), os.strerror(int(number[1])), str(path)) if number else error
