"""A model port without a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from lineside.testing.fake_average import FakeAverage
from lineside.testing.fake_confusion import fake_confusion
from lineside.testing.fake_profiling import FakeProfiling

Weights = Mapping[str, Sequence[float]]


class FakeModel:
    """Named lists of numbers behind the model port.

    Args:
        parameters: the values of each parameter, flat.
        gradients: the same for gradients; a parameter that is left out has none.
        module: what stands for the framework's own object.
        statistics: the names of the running means that BatchNorm layers would have.

    Attributes:
        tracked: for each running mean, whether its layer is in training mode.
        bn_updates: how often the running statistics were computed anew.
        profilings: the profilers that were started, in order.
        exported: where SavedModels would stand.
    """

    def __init__(
        self,
        parameters: Weights,
        gradients: Weights | None = None,
        module: Any = None,
        statistics: Sequence[str] = (),
    ) -> None:
        self._parameters = {name: list(values) for name, values in parameters.items()}
        self._gradients = {name: list(values) for name, values in (gradients or {}).items()}
        self.module = module
        self.tracked = dict.fromkeys(statistics, True)
        self.bn_updates = 0
        self._frozen: set[str] = set()
        self.profilings: list[FakeProfiling] = []
        self.exported: list[Path] = []

    confusion = staticmethod(fake_confusion)

    def parameters(self) -> Iterator[tuple[str, list[float]]]:
        """Yield names and values of what is trained."""
        yield from ((name, values) for name, values in self._parameters.items() if name not in self._frozen)

    def gradients(self) -> Iterator[tuple[str, list[float]]]:
        """Yield names and values of the gradients that there are."""
        yield from self._gradients.items()

    def norms(
        self,
        of: Literal["parameters", "gradients"],
        *,
        by: Callable[[str], Iterable[str]] | None = None,
        since: Weights | None = None,
    ) -> dict[str, float]:
        """Return the L2 norm per parameter or group; see `lineside.ports.ModelPort.norms`."""
        members: dict[str, list[float]] = {}
        for name, values in self.parameters() if of == "parameters" else self.gradients():
            old = since[name] if since is not None else [0.0] * len(values)
            for group in (name,) if by is None else by(name):
                members.setdefault(group, []).extend(now - then for now, then in zip(values, old, strict=True))
        return {group: math.hypot(*values) for group, values in members.items()}

    def profile(self, step: int, first: int, **options: bool) -> FakeProfiling:
        """Start a profiler that notes steps."""
        self.profilings.append(FakeProfiling(step, first, **options))
        return self.profilings[-1]

    def values(self, tensor: Any) -> Any:
        """Return a flat NumPy array of float64; needs NumPy."""
        import numpy as np

        return np.asarray(tensor, dtype=np.float64).ravel()

    def capture(self) -> dict[str, list[float]]:
        """Return a copy of all values."""
        return {name: list(values) for name, values in self._parameters.items()}

    def load(self, weights: Weights, *, partial: bool = False) -> None:
        """Put captured values back, in place; those that are missing stay as they are."""
        for name, values in weights.items():
            self._parameters[name][:] = values

    def export_saved_model(self, path: Path) -> None:
        """Note where to."""
        self.exported.append(path)

    @contextmanager
    def swapped(self, weights: Weights) -> Iterator[None]:
        """Put other values in for a while."""
        own = self.capture()
        self.load(weights)
        try:
            yield
        finally:
            self.load(own)

    # ---- training ------------------------------------------------------------------------------------------------

    def average(self, *, buffers: bool) -> FakeAverage:
        """Begin an average at the present values."""
        return FakeAverage(lambda: dict(self.parameters()))

    def trainable(self) -> dict[str, bool]:
        """Return the names of all parameters, with whether each is trained."""
        return {name: name not in self._frozen for name in self._parameters}

    def stepped(self) -> frozenset[str]:
        """Every parameter is in an optimizer."""
        return frozenset(self._parameters)

    def freeze(self, names: Collection[str]) -> None:
        """Train these no longer; their gradients go."""
        self._frozen.update(names)
        for name in names:
            self._gradients.pop(name, None)

    def unfreeze(self, names: Collection[str]) -> None:
        """Train these."""
        self._frozen.difference_update(names)

    def statistics(self) -> tuple[str, ...]:
        """Return the names of running means."""
        return tuple(self.tracked)

    def track_statistics(self, names: Collection[str], *, tracked: bool) -> None:
        """Note the mode of these layers."""
        self.tracked |= dict.fromkeys(names, tracked)

    def update_bn(self) -> None:
        """Count."""
        self.bn_updates += 1
