"""Confusion matrices that are counted on the device."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lineside.errors import OptionError


@torch.no_grad()
def confusion(
    outputs: Any,
    targets: Any,
    counts: Tensor | None = None,
    *,
    classes: int | None = None,
    threshold: float | None = None,
) -> Tensor:
    """Add a batch to the counts of a confusion matrix; see `lineside.confusion.CountsClasses`."""
    if not isinstance(outputs, Tensor):
        raise OptionError(f"A confusion matrix is counted of tensors; the outputs are a {type(outputs).__name__}.")
    targets = torch.as_tensor(targets).to(outputs.device, non_blocking=True)
    if classes is None:
        classes = _classes(outputs)
    # Before the class dimension is gone: one-hot targets have it as well.
    if targets.is_floating_point() and targets.shape == outputs.shape and outputs.dim() > 1 and outputs.shape[1] > 1:
        targets = targets.argmax(1)
    predicted = _predicted(outputs, threshold)
    if predicted.numel() != targets.numel():
        raise OptionError(
            f"Outputs of shape {tuple(outputs.shape)} and targets of shape {tuple(targets.shape)} do not say which "
            "class each sample is: give class numbers, or scores of the shape of the outputs, as targets."
        )
    predicted, targets = predicted.flatten().long(), targets.flatten().long()
    counted = (targets >= 0) & (targets < classes) & (predicted >= 0) & (predicted < classes)
    cells = torch.where(counted, targets * classes + predicted, classes * classes)
    if counts is None:
        counts = torch.zeros(classes * classes + 1, dtype=torch.long, device=outputs.device)
    # Not bincount: on a GPU it waits to learn the largest number.
    return counts.scatter_add_(0, cells, torch.ones_like(cells))


def _classes(outputs: Tensor) -> int:
    if not outputs.is_floating_point():
        raise OptionError("The model gives class numbers: say how many classes there are, classes=10 or their names.")
    return max(2, outputs.shape[1] if outputs.dim() > 1 else 1)


def _predicted(outputs: Tensor, threshold: float | None) -> Tensor:
    if not outputs.is_floating_point():
        return outputs
    if outputs.dim() > 1 and outputs.shape[1] > 1:
        return outputs.argmax(1)
    if threshold is None:
        raise OptionError(
            "The model gives one score a sample: say above which it is class 1, threshold=0.0 for logits or "
            "threshold=0.5 for probabilities."
        )
    return outputs > threshold
