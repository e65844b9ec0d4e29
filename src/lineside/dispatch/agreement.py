"""How the ranks of a run agree on requests. In a single process everything is agreed at once."""

from __future__ import annotations

from typing import Protocol

from lineside.control import Request


class Agreement(Protocol):
    """Agrees, at safe points, on what all ranks apply together."""

    def due(self, step: int, waiting: bool) -> bool:
        """Tell whether requests are to be exchanged at this step; called once per safe point, must not block."""
        ...

    def exchange(self, requests: list[Request]) -> list[Request]:
        """Return the union of what all ranks ask, in the order of rank and asking; may block."""
        ...


class SingleProcess:
    """One rank agrees with itself."""

    def due(self, step: int, waiting: bool) -> bool:
        """Whatever waits is due."""
        return waiting

    def exchange(self, requests: list[Request]) -> list[Request]:
        """Return what was asked."""
        return requests
