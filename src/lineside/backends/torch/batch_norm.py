"""The running statistics of BatchNorm layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeGuard

import torch
from torch import nn

# The base that they have in common; torch.optim.swa_utils.update_bn knows them by it, too.
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

from lineside.errors import RequestRefused


def tracking(layer: nn.Module) -> TypeGuard[BatchNorm]:
    """Tell whether a layer is a BatchNorm with running statistics, which each forward pass of training changes."""
    return isinstance(layer, BatchNorm) and layer.running_mean is not None


@contextmanager
def renewed(layers: Sequence[BatchNorm]) -> Iterator[None]:
    """Let the forward passes within compute running statistics anew, as plain means over their batches.

    Args:
        layers: they are `tracking`, and in training mode.

    Raises:
        RequestRefused: not a batch came; the statistics stay as they were, as they do after an error.
    """
    before = [[(buffer, buffer.clone()) for buffer in layer.buffers(recurse=False)] for layer in layers]
    momenta = [layer.momentum for layer in layers]
    done = False
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the mean over all batches, not a running one
    try:
        with torch.no_grad():
            yield
        done = any(int(layer.num_batches_tracked) for layer in layers if layer.num_batches_tracked is not None)
        if not done:
            raise RequestRefused("the training data gave no batch: an iterator cannot be read a second time")
    finally:
        for layer, momentum, statistics in zip(layers, momenta, before, strict=True):
            layer.momentum = momentum
            if not done:
                for buffer, value in statistics:
                    buffer.copy_(value)
