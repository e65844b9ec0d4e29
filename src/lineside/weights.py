"""What callbacks do to weights beyond reading them: averages, frozen layers, validations with other weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Protocol

RAW: Final = "raw"
"""The model's own weights, where it is said which weights produced a metric."""


class Average(Protocol):
    """A running average of a model's weights, kept beside them on their devices.

    It holds what is trained, and what was; a parameter that is unfrozen later joins with the value that it has at the
    next update. Half precision is averaged in single precision, integers are copied.
    """

    @property
    def tensors(self) -> Mapping[str, Any]:
        """The averages by name, those that `update` changes in place."""

    def update(self, weight: float) -> None:
        """Move towards the model: ``average += weight × (model − average)``, without waiting for a device."""

    def load(self, tensors: Mapping[str, Any]) -> None:
        """Take saved averages instead of the present ones; names that the model does not have are passed over."""


class TrainedModel(Protocol):
    """What callbacks do to the training of a model; the part of `ModelPort` about it.

    Names are those of the model's state dict, tied parameters under all of theirs.
    """

    def average(self, *, buffers: bool) -> Average:
        """Begin an average at the present weights; with `buffers` those that are saved are averaged, too."""

    def trainable(self) -> Mapping[str, bool]:
        """Return the names of all parameters, with whether each is trained or frozen."""

    def stepped(self) -> frozenset[str]:
        """Return the names of the parameters that an optimizer holds."""

    def freeze(self, names: Collection[str]) -> None:
        """Train these parameters no longer: they get no gradients, and no optimizer changes them."""

    def unfreeze(self, names: Collection[str]) -> None:
        """Train these parameters; their state in the optimizer goes on from where it was."""

    def statistics(self) -> Sequence[str]:
        """Return the names of running means, which the forward passes of training change: one a BatchNorm layer."""

    def track_statistics(self, names: Collection[str], *, tracked: bool) -> None:
        """Put the layers of these running means into training mode, or into evaluation mode, where they stay fixed.

        Loops put whole models into training mode, so what is to stay fixed is said again before each batch.
        """

    def update_bn(self) -> None:
        """Compute running statistics anew, from one pass over the training data; needs the ability ``update_bn``.

        Those of layers in evaluation mode stay fixed.

        Raises:
            RequestRefused: the data cannot be read a second time; the statistics stay as they were.
        """


class WeightsView(Protocol):
    """Which weights validations are made with; the part of `RunView` about it."""

    @property
    def validated_with(self) -> str:
        """Which weights made the newest validation: ``raw``, or the name of the callback that put others in.

        Checkpoints note it. A restore of weights alone gives these weights, and stand-alone files hold them.
        """

    def validate_with(self, weights: Mapping[str, Any]) -> None:
        """Put other weights into the model until this validation is over, however it ends; inline, in ``on_val_start``.

        Raises:
            RunStateError: outside of a validation, or another callback has put others in.
            StateMismatch: a name or a shape does not fit.
        """
