"""L2 norms of many tensors, which stay on their devices: nobody waits for one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

import torch
from torch import Tensor

_HALF = (torch.float16, torch.bfloat16)


def norms(named: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
    """Return the norm of each tensor, as a scalar on its device; half precision is summed in single precision."""
    batches: dict[tuple[torch.device, torch.dtype], list[tuple[str, Tensor]]] = defaultdict(list)
    for name, tensor in named:
        dense = tensor.coalesce().values() if tensor.is_sparse else tensor
        batches[dense.device, dense.dtype].append((name, dense.detach()))
    found: dict[str, Tensor] = {}
    for (_, dtype), batch in batches.items():
        of_batch = _foreach_norm([tensor for _, tensor in batch], torch.float32 if dtype in _HALF else None)
        found.update(zip((name for name, _ in batch), of_batch, strict=True))
    return found


def changes(named: Iterable[tuple[str, Tensor]], since: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the norm of what each tensor has changed since; a difference at a time, to hold no further copy of all."""
    return dict(_changes(named, since))


def _changes(named: Iterable[tuple[str, Tensor]], since: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in named:
        difference = tensor.detach() - since[name]
        precision = torch.float32 if difference.dtype in _HALF else None
        yield name, torch.linalg.vector_norm(difference, dtype=precision)


def grouped(found: Mapping[str, Tensor], by: Callable[[str], Iterable[str]]) -> dict[str, Tensor]:
    """Join norms: that of a group is the norm of all its members together.

    Args:
        found: norms by name, on whatever devices.
        by: tells to which groups a name belongs.
    """
    if not found:
        return {}
    device = next(iter(found.values())).device
    # The square of a norm that is large and sound must not overflow; Apple's devices have no float64.
    precision = torch.float32 if device.type == "mps" else torch.float64
    members: dict[str, list[Tensor]] = defaultdict(list)
    for name, norm in found.items():
        here = norm.to(device, non_blocking=True)
        for group in by(name):
            members[group].append(here)
    return dict(zip(members, _foreach_norm([torch.stack(one) for one in members.values()], precision), strict=True))


def _foreach_norm(tensors: list[Tensor], precision: torch.dtype | None) -> Iterable[Tensor]:
    """Call the one kernel for all, which `clip_grad_norm_` uses."""
    return torch._foreach_norm(tensors, 2, dtype=precision)  # noqa: SLF001 - torch has no public name for it
