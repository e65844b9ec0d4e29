"""The metrics of one stage: functions of a batch, and torchmetrics objects that count over the epoch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch

from lineside.errors import OptionError


class Scores:
    """Computes the metrics of a stage.

    Args:
        metrics: by name: functions ``f(outputs, targets)``, or objects with ``update``, ``compute`` and ``reset``, of
            which every stage gets its own copy.
        device: where the objects count.

    Attributes:
        counting: the objects, whose state is part of a checkpoint.
        any: whether there is anything to compute.
    """

    def __init__(self, metrics: Mapping[str, Any], device: torch.device) -> None:
        self.counting: dict[str, Any] = {}
        self._functions: dict[str, Callable[[Any, Any], Any]] = {}
        if not isinstance(metrics, (Mapping, torch.nn.ModuleDict)):
            raise OptionError(f"metrics={metrics!r} must be a dict, such as metrics={{'accuracy': accuracy}}.")
        for name, metric in metrics.items():
            if hasattr(metric, "compute") and isinstance(metric, torch.nn.ModuleDict):
                # A MetricCollection: its members by their own names, each with a state of its own.
                self.counting |= Scores(dict(metric.items()), device).counting
            elif hasattr(metric, "update") and hasattr(metric, "compute"):
                own = copy.deepcopy(metric)
                self.counting[name] = own.to(device) if hasattr(own, "to") else own
            elif callable(metric):
                self._functions[name] = metric
            else:
                raise OptionError(
                    f"metrics[{name!r}] is a {type(metric).__name__}; it takes a function f(outputs, targets), or an "
                    "object with update, compute and reset, as torchmetrics has them."
                )
        self.any = bool(self.counting or self._functions)

    @torch.no_grad()
    def update(self, outputs: Any, targets: Any) -> dict[str, Any]:
        """Count a batch; return the values of the functions."""
        for metric in self.counting.values():
            metric.update(outputs, targets)
        return {name: function(outputs, targets) for name, function in self._functions.items()}

    def compute(self) -> dict[str, Any]:
        """Return what the objects counted, and let them start anew."""
        values = {name: metric.compute() for name, metric in self.counting.items()}
        self.reset()
        return values

    def reset(self) -> None:
        """Let the objects start anew."""
        for metric in self.counting.values():
            metric.reset()
