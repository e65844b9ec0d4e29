"""The average of the weights that Ultralytics keeps, validates with and saves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Average:
    """The average of a trainer, as something whose state is saved and resumed.

    Ultralytics makes itself another one when it recovers from NaN, so it is looked up each time.
    """

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer

    @property
    def module(self) -> Any:
        """The module that holds the averaged weights."""
        return self._trainer.ema.ema

    def weights(self) -> dict[str, Any]:
        """Return the averaged weights and buffers by name; not copied."""
        return dict(self.module.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """Return the weights, and how often they were updated."""
        return {"updates": self._trainer.ema.updates, "weights": self.weights()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self.module.load_state_dict(state["weights"])
        self._trainer.ema.updates = state["updates"]
