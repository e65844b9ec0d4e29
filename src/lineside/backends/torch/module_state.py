"""What modules keep beside their weights: their extra state, and buffers that ``state_dict()`` leaves out.

A run that resumes needs both to go on bit for bit; a file of weights needs neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from lineside.backends.torch.model import TorchModel


def capture(model: TorchModel) -> dict[str, Any]:
    """Return extra states by module and buffers by name; not copied. Empty where there is neither."""
    extra = {
        prefix: module.get_extra_state()
        for prefix, module in model.modules()
        if type(module).get_extra_state is not nn.Module.get_extra_state
    }
    buffers = {slot.name: slot.tensor for slot in model.slots() if slot.role == "scratch"}
    return {key: found for key, found in (("extra", extra), ("buffers", buffers)) if found}


def restore(model: TorchModel, state: Mapping[str, Any]) -> None:
    """Put back what `capture` returned; what the model has no place for is a cache that it makes when it needs it."""
    extra, buffers = state.get("extra", {}), state.get("buffers", {})
    for prefix, module in model.modules():
        if prefix in extra:
            module.set_extra_state(extra[prefix])
    for slot in model.slots():
        saved = buffers.get(slot.name)
        if slot.role == "scratch" and saved is not None:
            if saved.shape == slot.tensor.shape and saved.dtype == slot.tensor.dtype:
                with torch.no_grad():
                    slot.tensor.copy_(saved)
            else:  # a cache that has grown
                setattr(slot.owner, slot.key, saved.to(slot.tensor.device))
