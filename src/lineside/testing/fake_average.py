"""A running average over a model port without a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

Values = dict[str, list[float]]


class FakeAverage:
    """Averages lists of numbers.

    Args:
        present: gives what is trained, by name.
    """

    def __init__(self, present: Callable[[], Mapping[str, Sequence[float]]]) -> None:
        self._present = present
        self.tensors: Values = {name: list(values) for name, values in present().items()}

    def update(self, weight: float) -> None:
        """Move towards the model."""
        for name, values in self._present().items():
            mean = self.tensors.setdefault(name, list(values))
            mean[:] = [old + weight * (new - old) for old, new in zip(mean, values, strict=True)]

    def load(self, tensors: Mapping[str, Sequence[float]]) -> None:
        """Take saved averages instead."""
        self.tensors = {name: list(values) for name, values in tensors.items()}
