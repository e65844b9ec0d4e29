"""Messages about an address, without its secrets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, unquote

_LONGEST: Final = 500
_SHORTEST_SECRET: Final = 4
"""Shorter ones would turn words into stars, and protect nothing."""


def scrubbed(message: str, secrets: Iterable[str]) -> str:
    """Return a message as one line of bounded length, with ``***`` for every secret, however it is escaped."""
    spelt = {form for secret in secrets for form in (secret, quote(secret, safe=""), quote(secret), unquote(secret))}
    for secret in sorted(spelt, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            message = message.replace(secret, "***")
    line = " ".join(message.split()).encode("utf-8", "backslashreplace").decode()
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
