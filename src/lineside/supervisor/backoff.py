"""How long to wait before a command is started again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Twice as long after each death, and from the beginning again after an attempt that lived for a while.

    Attributes:
        first: seconds after the first death.
        longest: seconds at most.
        forget: seconds that an attempt must have lived for the deaths before it not to count.
    """

    first: float = 1.0
    longest: float = 300.0
    forget: float = 600.0
    _deaths: int = 0

    def after(self, lived: float) -> float:
        """Return the seconds to wait after an attempt that lived so long."""
        self._deaths = 0 if lived >= self.forget else self._deaths
        self._deaths += 1
        return min(self.longest, self.first * 2.0 ** min(self._deaths - 1, 30))
