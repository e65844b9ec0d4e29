"""Callbacks that wait for something that does not happen in a batch."""

from __future__ import annotations

import lineside

CALLBACKS = 10


class Idle(lineside.Callback):
    """Waits for a failure."""

    def on_exception(self, run: lineside.RunView, error: BaseException) -> None:
        """Never called here."""


def idle() -> list[Idle]:
    """Return ten of them."""
    return [Idle(name=f"idle-{number}") for number in range(CALLBACKS)]
