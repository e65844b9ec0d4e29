"""The model port over PyTorch modules that are being trained: what is frozen, what is averaged, what is stepped."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm
from torch.optim import Optimizer

from lineside.backends.torch.average import TorchAverage
from lineside.backends.torch.batch_norm import renewed, tracking
from lineside.backends.torch.model import TorchModel
from lineside.errors import RequestRefused


class TrainedTorchModel(TorchModel):
    """A model, the optimizers that step its parameters, and the data that trains it.

    Args:
        model: the module, or modules by name.
        optimizers: that hold its parameters.
        forward: runs the training data through the model once; None where only the user knows how.

    Raises:
        OptionError: `model` is neither.
    """

    def __init__(
        self,
        model: nn.Module | Mapping[str, nn.Module],
        optimizers: Iterable[Optimizer] = (),
        forward: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(model)
        self._optimizers = list(optimizers)
        self._forward = forward

    def average(self, *, buffers: bool) -> TorchAverage:
        """Begin an average at the present weights; with `buffers` those that are saved are averaged, too."""
        roles = {"parameter", "buffer"} if buffers else {"parameter"}
        return TorchAverage(slot for slot in self.first_slots() if slot.role in roles)

    # ---- freezing ------------------------------------------------------------------------------------------------

    def trainable(self) -> dict[str, bool]:
        """Return the names of all parameters, tied ones under all of theirs, with whether each is trained or frozen."""
        return {slot.name: slot.tensor.requires_grad for slot in self.slots() if slot.role == "parameter"}

    def stepped(self) -> frozenset[str]:
        """Return the names of the parameters that an optimizer holds."""
        held = {
            id(parameter)
            for optimizer in self._optimizers
            for group in optimizer.param_groups
            for parameter in group["params"]
        }
        return frozenset(slot.name for slot in self.slots() if id(slot.tensor) in held)

    def freeze(self, names: Collection[str]) -> None:
        """Train these parameters no longer.

        Their gradients go, too: an optimizer passes over a parameter without one, weight decay and momentum included.
        """
        for slot in self.slots():
            if slot.role == "parameter" and slot.name in names:
                slot.tensor.requires_grad = False
                slot.tensor.grad = None

    def unfreeze(self, names: Collection[str]) -> None:
        """Train these parameters."""
        for slot in self.slots():
            if slot.role == "parameter" and slot.name in names:
                slot.tensor.requires_grad = True

    # ---- running statistics --------------------------------------------------------------------------------------

    @cached_property
    def _trackers(self) -> dict[str, BatchNorm]:
        return {f"{prefix}running_mean": layer for prefix, layer in self.modules() if tracking(layer)}

    def statistics(self) -> tuple[str, ...]:
        """Return the names of running means, one a layer."""
        return tuple(self._trackers)

    def track_statistics(self, names: Collection[str], *, tracked: bool) -> None:
        """Put the layers of these running means into training mode, or into evaluation mode."""
        for name in names:
            self._trackers[name].training = tracked

    def update_bn(self) -> None:
        """Compute the running statistics anew, as `torch.optim.swa_utils.update_bn` does.

        Layers in evaluation mode keep theirs: they are frozen, and the model was trained with what they have.

        Raises:
            RequestRefused: nobody knows how data goes through the model, or the data cannot be read a second time; the
                statistics stay as they were.
        """
        layers = [layer for layer in self._trackers.values() if layer.training]
        if not layers:
            return
        if self._forward is None:
            raise RequestRefused("only a loop's owner knows how data goes through the model")
        with renewed(layers):
            self._forward()
