"""The running statistics of BatchNorm layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lineside.errors import RequestRefused


def tracking(layer: nn.Module) -> bool:
    """Tell whether a layer is a BatchNorm with running statistics, which each forward pass of training changes."""
    # The common base, by which torch.optim.swa_utils.update_bn knows them, too.
    return isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.running_mean is not None  # noqa: SLF001


@contextmanager
def renewed(modules: Sequence[nn.Module], layers: Sequence[nn.Module]) -> Iterator[None]:
    """Let the forward passes within compute the running statistics anew, as plain means over their batches.

    As in `torch.optim.swa_utils.update_bn` the whole model is in training mode meanwhile.

    Args:
        modules: all modules of the model.
        layers: those among them that are `tracking`.

    Raises:
        RequestRefused: not a batch came; the statistics stay as they were, as they do after an error.
    """
    modes = [(module, module.training) for module in modules]
    before = [_statistics(layer) for layer in layers]
    momenta = [layer.momentum for layer in layers]
    done = False
    for layer in layers:
        layer.reset_running_stats()  # type: ignore[operator]
        layer.momentum = None  # the mean over all batches, not a running one
    for module in modules:
        module.training = True
    try:
        with torch.no_grad():
            yield
        done = any(int(layer.num_batches_tracked) for layer in layers)  # type: ignore[arg-type]
        if not done:
            raise RequestRefused("the training data gave no batch: an iterator cannot be read a second time")
    finally:
        for module, training in modes:
            module.training = training
        for layer, momentum, statistics in zip(layers, momenta, before, strict=True):
            layer.momentum = momentum
            if not done:
                for here, value in statistics:
                    here.copy_(value)


def _statistics(layer: nn.Module) -> list[tuple[Tensor, Tensor]]:
    return [(buffer, buffer.clone()) for buffer in layer.buffers(recurse=False)]
