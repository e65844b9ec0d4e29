"""Optimizers by name, and their parameter groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch.optim import Optimizer

from lineside.errors import OptionError

Optimizers = Optimizer | Mapping[str, Optimizer] | Sequence[Optimizer] | None


def named(optimizers: Optimizers) -> dict[str, Optimizer]:
    """Return optimizers by name; a single one has the empty name, those of a list are counted from 0.

    Raises:
        OptionError: something is no optimizer.
    """
    if optimizers is None:
        found: dict[str, Optimizer] = {}
    elif isinstance(optimizers, Mapping):
        found = dict(optimizers)
    elif isinstance(optimizers, (list, tuple)):
        found = {"" if len(optimizers) == 1 else str(index): one for index, one in enumerate(optimizers)}
    else:
        found = {"": optimizers}  # type: ignore[dict-item]
    for optimizer in found.values():
        if not all(hasattr(optimizer, part) for part in ("param_groups", "state_dict", "load_state_dict")):
            raise OptionError(
                f"optimizer= takes a torch.optim.Optimizer, or a dict of them, not a {type(optimizer).__name__}."
            )
    return found


def dotted(name: str) -> str:
    """Return an optimizer's name as a prefix: ``generator.``, or nothing for a single optimizer."""
    return f"{name}." if name else ""


def groups(optimizers: Mapping[str, Optimizer]) -> Iterator[tuple[str, Optimizer, dict[str, Any]]]:
    """Yield the parameter groups with their names.

    A group is called by its own ``"name"`` or by its index in the optimizer, after the optimizer's name where there are
    several: ``generator.0``.
    """
    for name, optimizer in optimizers.items():
        taken: set[str] = set()
        prefix = dotted(name)
        for index, group in enumerate(optimizer.param_groups):
            own = str(group.get("name", index))
            # Two groups of one name are told apart by their index.
            own = str(index) if own in taken else own
            taken.add(own)
            yield prefix + own, optimizer, group
