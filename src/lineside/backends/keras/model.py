"""The model port over Keras models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np

from lineside.backends.keras import saved_model, variables
from lineside.backends.keras.confusion import confusion
from lineside.backends.keras.gradients import GradientTap
from lineside.errors import RequestRefused, RunStateError


class KerasModel:
    """A Keras model as the part of a `ModelPort` that Keras allows.

    Names are the paths of variables, with dots. On JAX the trainer keeps the weights to itself during `fit`; they are
    asked back before they are read, and read anew by the trainer after that.

    Args:
        model: a built `keras.Model`.
        tap: shows the gradients; None where callbacks see none.
    """

    def __init__(self, model: Any, tap: GradientTap | None = None) -> None:
        self.module: Any = model
        self._tap = tap
        self._raw: dict[str, Any] | None = None

    def synchronise(self) -> None:
        """Have the trainer's own copy of the weights put into the model."""
        sync = getattr(self.module, "jax_state_sync", None)
        if sync is not None:
            sync()

    @property
    def unbuilt(self) -> str | None:
        """What to do about a model that is not built, which TensorFlow leaves to the first step; None if it is."""
        model = self.module
        if model.built and all(layer.built for layer in model.layers):
            return None
        return f"the model {model.name!r} is not built. Give it an Input layer, or call it on a batch before."

    def variables(self) -> dict[str, Any]:
        """Return weights and seeds by name, those of metrics left out."""
        self.synchronise()
        counted = {id(variable) for metric in self.module.metrics for variable in metric.variables}
        return variables.named(one for one in self.module.variables if id(one) not in counted)

    def parameters(self) -> Iterator[tuple[str, Any]]:
        """Yield names and trainable variables."""
        earlier = self._earlier()
        return ((name, earlier.get(name, one.value)) for name, one in self.trained().items())

    def trained(self) -> dict[str, Any]:
        """Return the trainable variables by name."""
        trainable = {id(variable) for variable in self.module.trainable_variables}
        return {name: one for name, one in self.variables().items() if id(one) in trainable}

    def gradients(self) -> Iterator[tuple[str, Any]]:
        """Yield names and gradients, in ``on_backward_end``. Raises `RequestRefused` where Keras shows none."""
        if self._tap is None:
            self._refuse("gradients")
        return self._tap.gradients()

    def _earlier(self) -> Mapping[str, Any]:
        """Return the weights of the moment that callbacks are told of, where that is over already."""
        return {} if self._tap is None else self._tap.earlier()

    def norms(
        self,
        of: Literal["parameters", "gradients"],
        *,
        by: Callable[[str], Iterable[str]] | None = None,
        since: Mapping[str, Any] | None = None,
    ) -> dict[str, float]:
        """Return the L2 norm per parameter, or per group; waits for the device."""
        squares: dict[str, float] = {}
        for name, tensor in self.parameters() if of == "parameters" else self.gradients():
            square = variables.squared(tensor, None if since is None else since[name])
            for group in [name] if by is None else by(name):
                squares[group] = squares.get(group, 0.0) + square
        return {group: total**0.5 for group, total in squares.items()}

    def values(self, tensor: Any) -> Any:
        """Return the elements of a tensor as a flat NumPy array of float64; waits for the device."""
        return variables.array(tensor).astype(np.float64).ravel()

    def capture(self) -> dict[str, Any]:
        """Return a copy of all weights and seeds, as NumPy arrays."""
        earlier = {name: variables.array(tensor) for name, tensor in self._earlier().items()}
        return variables.arrays(self.variables()) | earlier

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

    def export_saved_model(self, path: Path) -> None:
        """Write the model as a SavedModel. Raises `CheckpointContentsError` if Keras cannot."""
        self.synchronise()
        saved_model.export(self.module, path)

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

    confusion = staticmethod(confusion)

    def _refuse(self, what: str) -> NoReturn:
        raise RequestRefused(f"Keras shows callbacks no {what}.")

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse the parts of the model port that Keras does not allow."""
        if name.startswith("_"):
            raise AttributeError(name)
        self._refuse(f"way to {name.replace('_', ' ')}")
