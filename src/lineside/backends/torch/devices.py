"""Where a model is trained."""

from __future__ import annotations

import torch

from lineside.errors import OptionError


def best_device(name: str) -> torch.device:
    """Return the device of a name; ``auto`` is CUDA, then MPS, then the CPU.

    Raises:
        OptionError: there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise OptionError(f"device={name!r} is not to be had here: {error} Use 'auto', 'cpu' or 'cuda:0'.") from error
    return device
