"""A running average of a model's weights."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from lineside.backends.torch.slots import Slot

_SINGLE = 4
"""Bytes of single precision: what is smaller would lose the small steps of an average in rounding."""


class TorchAverage:
    """Averages tensors where they are, all of a kind by one kernel.

    Args:
        slots: the places of the model to be averaged, tied ones once. What stands there is looked up at each update.
    """

    def __init__(self, slots: Iterable[Slot]) -> None:
        self._slots = {slot.name: slot for slot in slots}
        self._tensors: dict[str, Tensor] = {}
        self._batches: list[_Batch] = []
        self._join()

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """The averages by name."""
        return self._tensors

    @torch.no_grad()
    def update(self, weight: float) -> None:
        """Move towards the model: ``average += weight × (model − average)``."""
        for batch in self._batches:
            batch.update(weight)
        if len(self._tensors) < len(self._slots):
            self._join()

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take saved averages instead; names that the model does not have are passed over."""
        self._tensors = {
            name: _begun(slot.present()).copy_(tensors[name]) for name, slot in self._slots.items() if name in tensors
        }
        self._gather()

    def _join(self) -> None:
        """Take in what is trained now; the update at which a tensor joins sets it to its present value."""
        joining = {
            name: _begun(slot.present())
            for name, slot in self._slots.items()
            if name not in self._tensors and _is_trained(slot)
        }
        if joining:
            self._tensors |= joining
            self._gather()

    def _gather(self) -> None:
        """Batch what one kernel can do."""
        kinds: dict[tuple[torch.device, torch.dtype, torch.dtype], list[str]] = defaultdict(list)
        for name, mean in self._tensors.items():
            kinds[mean.device, mean.dtype, self._slots[name].present().dtype].append(name)
        self._batches = [
            _Batch([self._tensors[name] for name in names], [self._slots[name] for name in names])
            for names in kinds.values()
        ]


class _Batch:
    """Averages of one device and dtype, and where the model has what they follow."""

    def __init__(self, means: list[Tensor], slots: list[Slot]) -> None:
        self._means = means
        self._slots = slots
        self._dtype = means[0].dtype
        self._copies = not (means[0].is_floating_point() or means[0].is_complex())

    def update(self, weight: float) -> None:
        present = [slot.present() for slot in self._slots]
        if present[0].dtype != self._dtype:
            present = [tensor.to(self._dtype) for tensor in present]
        if self._copies:
            torch._foreach_copy_(self._means, present)
        else:
            torch._foreach_lerp_(self._means, present, weight)  # as torch's own AveragedModel does


def _begun(present: Tensor) -> Tensor:
    small = present.is_floating_point() and present.dtype.itemsize < _SINGLE
    return present.detach().to(torch.float32 if small else present.dtype, copy=True)


def _is_trained(slot: Slot) -> bool:
    present = slot.present()
    if isinstance(present, (UninitializedParameter, UninitializedBuffer)):
        return False
    return slot.role == "buffer" or present.requires_grad
