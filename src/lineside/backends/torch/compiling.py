"""Compiling models with `torch.compile`, where that is possible."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import torch

from lineside.errors import OptionError

log = logging.getLogger("lineside")


def compiled(model: Any, options: bool | Mapping[str, Any], device: torch.device) -> Any:
    """Return what to call for the forward passes of a model: compiled modules, or the model itself.

    The model stays what it is; what is returned shares its weights, modes and hooks. A tiny function is tried first:
    where nothing can be compiled, for want of a compiler, a warning says so.

    Args:
        model: a module, or modules by name.
        options: False for no compilation, True, or arguments of `torch.compile` such as ``{"mode": "max-autotune"}``.
        device: where the modules are.

    Raises:
        OptionError: `options` is none of these, or nothing that `torch.compile` knows.
    """
    if options is False:
        return model
    if options is not True and not isinstance(options, Mapping):
        raise OptionError(f"compile={options!r}: give True, or a dict of arguments of torch.compile.")
    arguments = {} if options is True else dict(options)
    try:
        tried = torch.compile(_tiny, **arguments)
    except (TypeError, RuntimeError) as error:
        raise OptionError(f"compile={options!r}: torch.compile does not take it: {_reason(error)}") from error
    try:
        tried(torch.ones(2, device=device))
    except Exception as error:  # noqa: BLE001 - a backend may fail in any way
        log.warning(
            "compile=%s: torch.compile does not work here, and the model is trained as it is. %s Install a C++ "
            "compiler such as g++ (and Triton for CUDA devices), or leave compile out.",
            options,
            _reason(error),
        )
        return model
    # Not `module.compile()`: it passes over a model that is itself one of torch's own classes, as nn.Sequential is.
    if isinstance(model, Mapping):
        return {name: torch.compile(module, **arguments) for name, module in model.items()}
    return torch.compile(model, **arguments)


def _tiny(values: torch.Tensor) -> torch.Tensor:
    return values * 2 + 1


def _reason(error: Exception) -> str:
    """Return the first sentence of torch's long messages, which may begin with who raised it, and a line break."""
    sentence = ""
    for line in str(error).strip().splitlines():
        sentence = f"{sentence} {line.strip()}".strip()
        if not line.rstrip().endswith(":"):
            break
    return f"{sentence.rstrip('.') or type(error).__name__}."
