"""The places in a model that hold a tensor, and their names, whatever the model is wrapped in."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel

Role = Literal["parameter", "buffer", "scratch"]

_WRAPPED_AS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
"""Attributes under which torch.compile, FSDP and activation checkpointing keep the module that they wrap."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One name of one tensor; a tied tensor has several.

    Attributes:
        name: as the bare model's ``state_dict()`` has it.
        owner: the module that holds the tensor, under the attribute `key`.
        role: a parameter, a persistent buffer, or a buffer that ``state_dict()`` leaves out.
    """

    name: str
    owner: nn.Module
    key: str
    tensor: Tensor
    role: Role

    @property
    def identity(self) -> Hashable:
        """The same for all names of one tensor, also where two parameters are the same view of one storage."""
        tensor = self.tensor
        if type(tensor) not in (Tensor, nn.Parameter) or tensor.is_meta or tensor.numel() == 0:
            return id(tensor)
        place = tensor.untyped_storage().data_ptr(), tensor.storage_offset()
        return (tensor.device, tensor.dtype, *place, tensor.shape, tensor.stride())

    def present(self) -> Tensor:
        """Return what stands in this place now, should somebody have replaced the tensor."""
        table = self.owner._parameters if self.role == "parameter" else self.owner._buffers  # noqa: SLF001 - getattr is slow
        tensor = table.get(self.key)
        return self.tensor if tensor is None else tensor


def modules(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield all modules with their names as prefixes (``"encoder."``), parents first; wrappers have no name."""
    yield prefix, module
    transparent = isinstance(module, (DataParallel, DistributedDataParallel))
    for name, child in module._modules.items():  # noqa: SLF001 - named_children() leaves shared modules out
        if child is not None:
            inner = prefix if (transparent and name == "module") or name in _WRAPPED_AS else f"{prefix}{name}."
            yield from modules(child, inner)


def slots(module: nn.Module, prefix: str = "") -> Iterator[Slot]:
    """Yield every place that holds a tensor, in the order of ``state_dict()``."""
    for name, owner in modules(module, prefix):
        for key, parameter in owner.named_parameters(recurse=False, remove_duplicate=False):
            yield Slot(name + key, owner, key, parameter, "parameter")
        for key, buffer in owner.named_buffers(recurse=False, remove_duplicate=False):
            scratch = key in owner._non_persistent_buffers_set  # noqa: SLF001 - nothing public tells
            yield Slot(name + key, owner, key, buffer, "scratch" if scratch else "buffer")
