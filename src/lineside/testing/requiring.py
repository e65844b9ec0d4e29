"""What a contract says with: an assertion that stays when Python runs with ``-O``."""

from __future__ import annotations


def require(holds: bool, message: str) -> None:
    """Fail with a message unless something holds.

    Raises:
        AssertionError: with the message.
    """
    if not holds:
        raise AssertionError(message)
