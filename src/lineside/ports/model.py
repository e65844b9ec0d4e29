"""The one way from a callback to the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from lineside.confusion import CountsClasses
from lineside.profiling import Profiles
from lineside.weights import TrainedModel


@runtime_checkable
class ModelPort(TrainedModel, Profiles, CountsClasses, Protocol):
    """The one way from an inline callback to the model."""

    module: Any
    """The framework's own object, for code that is tied to the framework."""

    def parameters(self) -> Iterator[tuple[str, Any]]:
        """Yield names and trainable parameters; tensors of the framework, shapes as the model has them."""

    def gradients(self) -> Iterator[tuple[str, Any]]:
        """Yield names and gradients of the parameters that have one."""

    def norms(
        self,
        of: Literal["parameters", "gradients"],
        *,
        by: Callable[[str], Iterable[str]] | None = None,
        since: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """Return L2 norms, left on their devices: scalars that can be reckoned with.

        Args:
            of: what is trained, or the gradients that there are.
            by: tells to which groups a parameter belongs, by its name; norms are then those of the groups.
            since: what `capture` returned; norms are then those of what has changed since.
        """

    def values(self, tensor: Any) -> Any:
        """Return the elements of a tensor as a flat NumPy array of float64; waits for the device."""

    def capture(self) -> Mapping[str, Any]:
        """Return a copy of all weights and buffers, on their device."""

    def load(self, weights: Mapping[str, Any], *, partial: bool = False) -> None:
        """Put captured weights and buffers back, in place; with `partial` some may be missing, and stay as they are."""

    def export_saved_model(self, path: Path) -> None:
        """Write the model as a SavedModel of TensorFlow, a directory; for hosts that can ``saved_model``.

        Raises:
            CheckpointContentsError: this model cannot be written so.
            RequestRefused: the host cannot.
        """

    def swapped(self, weights: Mapping[str, Any]) -> AbstractContextManager[None]:
        """Put other weights into the model for a while; checkpoints made meanwhile hold the raw ones."""
