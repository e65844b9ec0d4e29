"""Keras variables by name, as NumPy arrays and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from lineside.errors import CheckpointDamaged, StateMismatch

_LISTED = 5


def named(variables: Iterable[Any]) -> dict[str, Any]:
    """Return variables by their paths; of two with one path the second gets a number behind it."""
    found: dict[str, Any] = {}
    for variable in variables:
        path, name, number = variable.path.replace("/", "."), variable.path.replace("/", "."), 1
        while name in found:
            number += 1
            name = f"{path}.{number}"
        found[name] = variable
    return found


def arrays(variables: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Return copies of variables; waits for the device."""
    from keras import ops

    return {name: np.array(ops.convert_to_numpy(variable.value)) for name, variable in variables.items()}


def array(tensor: Any) -> np.ndarray[Any, Any]:
    """Return a copy of a tensor, or of a variable of the backend, one of several replicas included."""
    from keras import ops

    return np.array(ops.convert_to_numpy(ops.convert_to_tensor(tensor)))


def squared(tensor: Any, less: Any = None) -> float:
    """Return the sum of the squares of a tensor, or of what it is more than `less`; reckoned on its device."""
    from keras import backend, ops

    kind = "float64" if backend.standardize_dtype(tensor.dtype) == "float64" else "float32"
    values = ops.cast(ops.stop_gradient(ops.convert_to_tensor(tensor)), kind)
    if less is not None:
        values = values - ops.cast(ops.convert_to_tensor(less), kind)
    return float(ops.convert_to_numpy(ops.sum(ops.square(values))))


def by_place(given: Mapping[str, Any], order: Sequence[str], variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return arrays under the names that stand at their places here.

    Keras counts names up within a process (``dense_1``, ``dense_2``), so that the second model of a notebook has other
    names than the first one, and the same order.
    """
    if set(order) == set(variables) or len(order) != len(variables):
        return given
    return {here: given[there] for here, there in zip(variables, order, strict=True)}


def check(variables: Mapping[str, Any], given: Mapping[str, Any], what: str, *, partial: bool = False) -> None:
    """Tell whether arrays fit, without changing anything.

    Raises:
        StateMismatch: naming what is missing, unknown, or of another shape.
    """
    wrong = {
        "missing": [] if partial else [name for name in variables if name not in given],
        "not there": [name for name in given if name not in variables],
        "of another shape": [
            f"{name} ({tuple(given[name].shape)}, {tuple(variables[name].shape)} here)"
            for name in given
            if name in variables and tuple(given[name].shape) != tuple(variables[name].shape)
        ],
    }
    text = "; ".join(f"{how}: {', '.join(names[:_LISTED])}" for how, names in wrong.items() if names)
    if text:
        raise StateMismatch(f"The {what} does not fit, and nothing was changed. {text[0].upper()}{text[1:]}.")


def assign(variables: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Put arrays into variables that they fit."""
    for name, array in given.items():
        variables[name].assign(array)


def writer(tensors: Mapping[str, Any]) -> Callable[[Path], None]:
    """Return a function that writes arrays, or tensors of Keras' backend, as safetensors."""
    from keras import ops

    held = {
        name: tensor.copy() if isinstance(tensor, np.ndarray) else np.array(ops.convert_to_numpy(tensor))
        for name, tensor in tensors.items()
    }
    return lambda path: save_file({name: np.asarray(array, order="C") for name, array in held.items()}, path)


def read(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Read safetensors. Raises `CheckpointDamaged`."""
    try:
        return load_file(path)
    except Exception as error:
        raise CheckpointDamaged(path.parent, path.name, str(error)) from error
