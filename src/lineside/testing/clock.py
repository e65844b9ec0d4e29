"""A clock that stands still until a test moves it."""

from __future__ import annotations


class FakeClock:
    """Monotonic and Unix time in seconds; hand its methods to code that takes `time.monotonic` or `time.time`.

    Args:
        unix: the Unix time at which the clock starts. Monotonic time starts at 0.
    """

    def __init__(self, unix: float = 1_700_000_000.0) -> None:
        self._start = unix
        self._elapsed = 0.0

    def monotonic(self) -> float:
        """Return the seconds by which the clock was advanced."""
        return self._elapsed

    def time(self) -> float:
        """Return the Unix time."""
        return self._start + self._elapsed

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            ValueError: the time would run backwards.
        """
        if not seconds >= 0:
            raise ValueError(f"A clock does not go back: advance({seconds!r}).")
        self._elapsed += seconds

    def sleep(self, seconds: float) -> None:
        """Stand in for `time.sleep`: time passes, and nobody waits."""
        self.advance(seconds)
