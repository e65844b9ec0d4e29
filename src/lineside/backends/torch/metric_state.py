"""The accumulations of metric objects in the middle of an epoch: torchmetrics, or anything with a `state_dict`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from lineside.errors import OptionError, StateMismatch


def check_metric(name: str, metric: Any) -> None:
    """Refuse a metric object whose accumulation could not be saved.

    Raises:
        OptionError: it is neither of torchmetrics nor has `state_dict` and `load_state_dict`.
    """
    if not (_accumulators(metric) or (hasattr(metric, "state_dict") and hasattr(metric, "load_state_dict"))):
        raise OptionError(
            f"The metric {name!r} is a {type(metric).__name__} without state_dict() and load_state_dict(): what it has "
            "accumulated would be lost when a run resumes in mid-epoch. Give it both, or pass a function."
        )


def capture(metric: Any) -> dict[str, Any]:
    """Return what a metric has accumulated; tensors, and lists of tensors, are not copied."""
    if not _accumulators(metric):
        state: dict[str, Any] = metric.state_dict()
        return state
    return {
        path: {"states": {key: getattr(one, key) for key in _keys(one)}, "updates": one.update_count}
        for path, one in _accumulators(metric).items()
    }


def check(name: str, metric: Any, state: Mapping[str, Any]) -> None:
    """Tell whether a state fits, without changing anything.

    Raises:
        StateMismatch: the metric accumulates other values than the one that the state was taken from.
    """
    here = {path: set(_keys(one)) for path, one in _accumulators(metric).items()}
    if here and here != {path: set(saved["states"]) for path, saved in state.items()}:
        raise StateMismatch(
            f"The metric {name!r} accumulates {_paths(here)}; the one in the checkpoint accumulated {_paths(state)}."
        )


def restore(metric: Any, state: Mapping[str, Any]) -> None:
    """Put back what `capture` returned."""
    accumulators = _accumulators(metric)
    if not accumulators:
        metric.load_state_dict(state)
        return
    for path, one in accumulators.items():
        for key, value in state[path]["states"].items():
            setattr(one, key, [_on(item, one) for item in value] if isinstance(value, list) else _on(value, one))
        one._update_count = state[path]["updates"]  # noqa: SLF001 - torchmetrics restores states, and not the count
        one._computed = None  # noqa: SLF001 - a result of what was accumulated before


def _keys(metric: Any) -> list[str]:
    return list(metric._defaults)  # noqa: SLF001 - metric_state gives the values, and makes copies of lists


def _on(value: Any, metric: Any) -> Any:
    return value.to(metric.device, copy=True) if isinstance(value, Tensor) else value


def _accumulators(metric: Any) -> dict[str, Any]:
    """The torchmetrics metrics within a metric, by path: itself, the members of a collection, what a wrapper wraps."""
    return dict(_found(metric)) if isinstance(metric, nn.Module) else {}


def _found(metric: nn.Module) -> Iterator[tuple[str, Any]]:
    for path, one in metric.named_modules():
        if hasattr(one, "_defaults") and hasattr(one, "_update_count"):
            yield path, one


def _paths(states: Mapping[str, Any]) -> str:
    return ", ".join(path or "one value" for path in states) or "nothing"
