"""Training mode and evaluation mode of modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


def modules_of(model: Any) -> list[nn.Module]:
    """Return the modules of a model that may be one or a dict of them."""
    return list(model.values()) if isinstance(model, Mapping) else [model]


def set_training(model: Any) -> None:
    """Put everything into training mode."""
    for module in modules_of(model):
        module.train()


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Evaluate without gradients; afterwards every layer has its own mode again, frozen ones included."""
    modes = [(layer, layer.training) for module in modules_of(model) for layer in module.modules()]
    for module in modules_of(model):
        module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for layer, training in modes:
            layer.training = training
