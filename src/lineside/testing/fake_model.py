"""A model port without a model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

Weights = Mapping[str, Sequence[float]]


class FakeModel:
    """Named lists of numbers behind the model port.

    Args:
        parameters: the values of each parameter, flat.
        gradients: the same for gradients; a parameter that is left out has none.
        module: what stands for the framework's own object.
    """

    def __init__(self, parameters: Weights, gradients: Weights | None = None, module: Any = None) -> None:
        self._parameters = {name: list(values) for name, values in parameters.items()}
        self._gradients = {name: list(values) for name, values in (gradients or {}).items()}
        self.module = module

    def parameters(self) -> Iterator[tuple[str, list[float]]]:
        """Yield names and values."""
        yield from self._parameters.items()

    def gradients(self) -> Iterator[tuple[str, list[float]]]:
        """Yield names and values of the gradients that there are."""
        yield from self._gradients.items()

    def norms(self, of: Literal["parameters", "gradients"]) -> dict[str, float]:
        """Return the L2 norm per parameter."""
        named = self._parameters if of == "parameters" else self._gradients
        return {name: math.hypot(*values) for name, values in named.items()}

    def values(self, tensor: Any) -> Any:
        """Return a flat NumPy array of float64; needs NumPy."""
        import numpy as np

        return np.asarray(tensor, dtype=np.float64).ravel()

    def capture(self) -> dict[str, list[float]]:
        """Return a copy of all values."""
        return {name: list(values) for name, values in self._parameters.items()}

    def load(self, weights: Weights) -> None:
        """Put captured values back, in place."""
        for name, values in weights.items():
            self._parameters[name][:] = values

    @contextmanager
    def swapped(self, weights: Weights) -> Iterator[None]:
        """Put other values in for a while."""
        own = self.capture()
        self.load(weights)
        try:
            yield
        finally:
            self.load(own)
