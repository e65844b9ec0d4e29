"""Exporting a model with `torch.export`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from lineside.errors import OptionError
from lineside.files import fsync, rename


def export_program(model: Any, example: Any, path: Path) -> Path:
    """Write an exported program that takes batches of any size; the file appears when it is whole.

    Raises:
        OptionError: the path does not end in ``.pt2``, or the model is a dict of modules.
    """
    if path.suffix != ".pt2":
        raise OptionError(
            f"export({str(path)!r}): the suffix {path.suffix!r} is not known; torch.export writes '.pt2'."
        )
    if not isinstance(model, torch.nn.Module):
        raise OptionError(
            "export() takes one module, and this trainer has a dict of them: export each with torch.export."
        )
    arguments = example if isinstance(example, tuple) else (example,)
    batch = torch.export.Dim("batch")
    shapes = tuple(
        {0: batch} if isinstance(one, torch.Tensor) and one.dim() and one.shape[0] > 1 else None for one in arguments
    )
    program = torch.export.export(model, arguments, dynamic_shapes=shapes)
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{os.getpid()}-{path.name}")
    torch.export.save(program, staged)
    fsync(staged)
    rename(staged, path)
    return path
