"""Running out of memory: what it looks like in PyTorch, and how to get over it."""

from __future__ import annotations

import gc

import torch

_SAYINGS = (
    "can't allocate memory",  # the allocator of the CPU, on Linux and macOS
    "Cannot allocate memory",  # the same where a file cannot be mapped
    "not enough memory",  # the same on Windows
    "out of memory",  # accelerators, where the error is no OutOfMemoryError: MPS, errors of the driver
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "std::bad_alloc",
    "could not create a primitive",  # oneDNN on the CPU, which names no cause; where a smaller batch went, it is this
)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that there was not memory enough, on a device or on the host.

    PyTorch has `torch.OutOfMemoryError` for accelerators; its allocator for the CPU, and the libraries below it, raise
    a RuntimeError, which only its text tells from others.
    """
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(saying in str(error) for saying in _SAYINGS)


def release() -> None:
    """Give back what nobody uses any more: what cycles hold, and what the allocator of the device keeps for later."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
