"""What stands in Ultralytics' lists of callbacks."""

from __future__ import annotations

from functools import partial
from typing import Any, Self


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
