"""Exporting a model, to be used without its Python class: `torch.export` programs and ONNX."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from lineside.errors import MissingDependency, OptionError, nearest
from lineside.files import fsync, rename

ONNX_LIMIT = 1_900_000_000
"""Bytes of weights: an ONNX file holds less than 2 GiB, and larger weights lie in a file of their own beside it."""

_Shapes = tuple[Any, ...]


def export_model(model: Any, example: Any, path: Path) -> Path:
    """Write a model that takes batches of any size; the file appears when it is whole.

    Args:
        model: a module, in evaluation mode.
        example: its inputs, a tuple if there are several. What has one sample stays at one.
        path: ends in ``.pt2`` or ``.onnx``.

    Raises:
        OptionError: another suffix, or the model is a dict of modules.
        MissingDependency: what writes ONNX is not installed.
    """
    write = _WRITERS.get(path.suffix)
    if write is None:
        raise OptionError(
            f"export({str(path)!r}): the suffix {path.suffix!r} is not known.{nearest(path.suffix, _WRITERS)} "
            f"Let the file name end in {' or '.join(_WRITERS)}."
        )
    if not isinstance(model, torch.nn.Module):
        raise OptionError("export() takes one module, and this trainer has a dict of them: export each by itself.")
    arguments = example if isinstance(example, tuple) else (example,)
    batch = torch.export.Dim("batch")
    shapes = tuple(
        {0: batch} if isinstance(one, torch.Tensor) and one.dim() and one.shape[0] > 1 else None for one in arguments
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as staging:
        write(model, arguments, shapes, Path(staging, path.name))
        # Last the file that refers to the others.
        for file in sorted(Path(staging).iterdir(), key=lambda file: file.name == path.name):
            fsync(file)
            rename(file, path.with_name(file.name))
    return path


def _write_program(model: torch.nn.Module, arguments: tuple[Any, ...], shapes: _Shapes, path: Path) -> None:
    torch.export.save(torch.export.export(model, arguments, dynamic_shapes=shapes), path)


def _write_onnx(model: torch.nn.Module, arguments: tuple[Any, ...], shapes: _Shapes, path: Path) -> None:
    for library in ("onnx", "onnxscript"):
        if find_spec(library) is None:
            raise MissingDependency("Exporting ONNX", library, "onnx")
    with warnings.catch_warnings():
        # The exporter warns of functions of torch that it calls itself.
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        program = torch.onnx.export(model, arguments, dynamo=True, dynamic_shapes=shapes, verbose=False)
    if program is None:
        raise OptionError(f"export({str(path)!r}): torch.onnx made no program of this model.")
    size = sum(tensor.nbytes for tensor in model.state_dict().values() if isinstance(tensor, torch.Tensor))
    program.save(path, external_data=size > ONNX_LIMIT)


_WRITERS: Mapping[str, Callable[[torch.nn.Module, tuple[Any, ...], _Shapes, Path], None]] = {
    ".pt2": _write_program,
    ".onnx": _write_onnx,
}
