"""What stands in for ``self.model`` of a Keras callback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lineside.adopted.stand_in import StandIn, only_rate
from lineside.errors import RequestRefused
from lineside.language import text
from lineside.ports import RunView


class KerasModel(StandIn):
    """The model: it can be told to stop, has weights, and an optimizer with a learning rate."""

    def __init__(self, run: RunView, owner: str) -> None:
        super().__init__(run, owner, "self.model")
        self._stopping = False
        self._optimizer = KerasOptimizer(run, owner, "self.model.optimizer")

    @property
    def stop_training(self) -> bool:
        """Whether the object has asked for the end."""
        return self._stopping

    @stop_training.setter
    def stop_training(self, stop: bool) -> None:
        if stop and not self._stopping:
            self._run.stop(text(f"{self._owner} set model.stop_training", f"{self._owner} 设置了 model.stop_training"))
        elif self._stopping and not stop:
            raise RequestRefused(f"{self._owner} takes back model.stop_training, and a stop is final here.")
        self._stopping = bool(stop)

    @property
    def optimizer(self) -> KerasOptimizer:
        """The optimizer."""
        return self._optimizer

    def get_weights(self) -> list[Any]:
        """Return copies of all weights and buffers: tensors of the host's framework, on their device."""
        return list(self._run.model.capture().values())

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Put back what `get_weights` returned.

        Raises:
            ValueError: there are more weights, or fewer, than the model has.
        """
        names = list(self._run.model.capture())
        self._run.model.load(dict(zip(names, weights, strict=True)))


class KerasOptimizer(StandIn):
    """The optimizer: its learning rate is the scheduled one, and takes effect at once when it is set."""

    @property
    def learning_rate(self) -> float:
        """The rate of the only parameter group."""
        return only_rate(self._run)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        only_rate(self._run)
        self._run.schedule_lr(float(value))
