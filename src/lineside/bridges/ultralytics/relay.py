"""What stands in Ultralytics' lists of callbacks."""

from __future__ import annotations

from functools import partial
from typing import Any, Self

EVENTS = (
    "on_pretrain_routine_start", "on_pretrain_routine_end", "on_train_start", "on_train_epoch_start",
    "on_train_batch_start", "on_train_batch_end", "on_train_epoch_end", "on_model_save", "on_fit_epoch_end",
    "on_train_end", "teardown", "on_val_start", "on_val_batch_start", "on_val_batch_end", "on_val_end",
    "on_predict_start", "on_predict_batch_start", "on_predict_batch_end", "on_predict_end", "on_export_start",
    "on_export_end",
)  # fmt: skip


class Relay(partial[None]):
    """Hands an event on to the bridge.

    A bound method would travel into other processes with the function of its class, and could find no other one there.
    Calling it costs no further function of Python, which a batch would feel.

    Args:
        bridge: has a method for the event.
        event: its name.
    """

    def __new__(cls, bridge: Any, event: str) -> Self:
        """Take the bridge's method for an event; it is called with a trainer, validator, predictor or exporter."""
        made = super().__new__(cls, getattr(bridge, event))
        made.bridge, made.event = bridge, event
        return made

    bridge: Any
    event: str

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel with the bridge, and find its method where both arrive."""
        return Relay, (self.bridge, self.event)
