"""What stands in Ultralytics' lists of callbacks."""

from __future__ import annotations

from typing import Any


class Relay:
    """Hands an event on to the bridge.

    A bound method would travel into other processes with the function of its class, and could find no other one there.

    Args:
        bridge: has a method for the event.
        event: its name.
    """

    def __init__(self, bridge: Any, event: str) -> None:
        self._bridge = bridge
        self._event = event
        self._hook = getattr(bridge, event)

    def __call__(self, source: Any) -> None:
        """Call the bridge with a trainer, validator, predictor or exporter."""
        self._hook(source)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel with the bridge, and find its method where both arrive."""
        return Relay, (self._bridge, self._event)
