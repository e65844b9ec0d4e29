"""The model port over Keras models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, NoReturn

import numpy as np

from lineside.backends.keras import variables
from lineside.errors import RequestRefused, RunStateError


class KerasModel:
    """A Keras model as the part of a `ModelPort` that Keras allows.

    Names are the paths of variables, with dots. On JAX the trainer keeps the weights to itself during `fit`; they are
    asked back before they are read, and read anew by the trainer after that.

    Args:
        model: a built `keras.Model`.
    """

    def __init__(self, model: Any) -> None:
        self.module: Any = model
        self._raw: dict[str, Any] | None = None

    def synchronise(self) -> None:
        """Have the trainer's own copy of the weights put into the model."""
        sync = getattr(self.module, "jax_state_sync", None)
        if sync is not None:
            sync()

    def variables(self) -> dict[str, Any]:
        """Return weights and seeds by name, those of metrics left out."""
        self.synchronise()
        counted = {id(variable) for metric in self.module.metrics for variable in metric.variables}
        return variables.named(one for one in self.module.variables if id(one) not in counted)

    def parameters(self) -> Iterator[tuple[str, Any]]:
        """Yield names and trainable variables."""
        self.synchronise()
        trainable = {id(variable) for variable in self.module.trainable_variables}
        return ((name, one.value) for name, one in self.variables().items() if id(one) in trainable)

    def gradients(self) -> NoReturn:
        """Refused: Keras shows callbacks no gradients."""
        self._refuse("gradients")

    def norms(
        self,
        of: Literal["parameters", "gradients"],
        *,
        by: Callable[[str], Iterable[str]] | None = None,
        since: Mapping[str, Any] | None = None,
    ) -> dict[str, float]:
        """Return the L2 norm per parameter, or per group; waits for the device."""
        if of == "gradients":
            self._refuse("gradients")
        squares: dict[str, float] = {}
        for name, tensor in self.parameters():
            array = self.values(tensor)
            if since is not None:
                array = array - np.asarray(since[name], dtype=np.float64).ravel()
            for group in [name] if by is None else by(name):
                squares[group] = squares.get(group, 0.0) + float(array @ array)
        return {group: total**0.5 for group, total in squares.items()}

    def values(self, tensor: Any) -> Any:
        """Return the elements of a tensor as a flat NumPy array of float64; waits for the device."""
        from keras import ops

        return np.asarray(ops.convert_to_numpy(tensor), dtype=np.float64).ravel()

    def capture(self) -> dict[str, Any]:
        """Return a copy of all weights and seeds, as NumPy arrays."""
        return variables.arrays(self.variables())

    def raw(self) -> dict[str, Any]:
        """Return a copy of the model's own weights, also while others are swapped in."""
        return self.capture() if self._raw is None else dict(self._raw)

    def load(self, weights: Mapping[str, Any], *, partial: bool = False) -> None:
        """Put captured weights back; nothing is changed if they do not fit.

        Raises:
            StateMismatch: they do not fit.
            RunStateError: other weights are swapped in.
        """
        if self._raw is not None:
            raise RunStateError("Weights cannot be loaded while others are swapped in: leave model.swapped() first.")
        here = self.variables()
        variables.check(here, weights, "model", partial=partial)
        variables.assign(here, weights)

    @contextmanager
    def swapped(self, weights: Mapping[str, Any]) -> Iterator[None]:
        """Put other weights into the model for a while."""
        if self._raw is not None:
            raise RunStateError("Other weights are swapped in already: leave the outer model.swapped() first.")
        variables.check(self.variables(), weights, "model", partial=True)
        self._raw = self.capture()
        try:
            with self._holding(weights):
                yield
        finally:
            self._raw = None

    @contextmanager
    def standing_alone(self, over: Mapping[str, Any]) -> Iterator[None]:
        """Have the model hold its own weights with others over them, also while others are swapped in."""
        if self._raw is None and not over:
            yield
            return
        with self._holding({**self.raw(), **over}):
            yield

    @contextmanager
    def _holding(self, weights: Mapping[str, Any]) -> Iterator[None]:
        """Have the model hold weights that fit, and afterwards what it holds now."""
        before = self.capture()
        try:
            variables.assign(self.variables(), weights)
            yield
        finally:
            variables.assign(self.variables(), before)

    def _refuse(self, what: str) -> NoReturn:
        raise RequestRefused(f"Keras shows callbacks no {what}.")

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse the parts of the model port that Keras does not allow."""
        if name.startswith("_"):
            raise AttributeError(name)
        self._refuse(f"way to {name.replace('_', ' ')}")
