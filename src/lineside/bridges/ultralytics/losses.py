"""What the named losses of Ultralytics come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any


def summed(losses: Mapping[str, Any]) -> Any:
    """Return the sum of named losses, left on their device."""
    return sum(losses.values())


def with_sums(batches: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the named losses of each batch, and in front of them their sum, ``loss``.

    On the CPU they are numbers: those are read and added in less time than tensors are. Others stay on their device.
    """
    if all(map(attrgetter("is_cpu"), batches[0].values())):
        batches = [{name: loss.item() for name, loss in losses.items()} for losses in batches]
    return [{"loss": summed(losses), **losses} for losses in batches]


def found_by(validator: Any, stage: str, joined: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a validator has found, by name.

    Args:
        validator: of Ultralytics, at its end.
        stage: of our run.
        joined: totals of its losses over several processes; None where its own are those of all.
    """
    values = dict(getattr(validator.metrics, "results_dict", {}))
    if validator.training:
        count = len(validator.dataloader)
        losses = {name: total / count for name, total in (joined or validator.loss).items()}
        values |= {"loss": summed(losses), **losses}
    if stage == "test":
        values = {f"test/{name.removeprefix('metrics/')}": value for name, value in values.items()}
    return values


def scalars(values: Mapping[str, Any]) -> dict[str, float]:
    """Return values as numbers; waits for their device."""
    return {name: float(value) for name, value in values.items()}
