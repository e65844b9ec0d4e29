"""What is wrong with a file: collected, so that all of it is told at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lineside.config.tree import Place
from lineside.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: its place in the file, which entry it is about, and what is wrong with it and what to do."""

    place: Place
    entry: str
    message: str

    def __str__(self) -> str:
        """Return it as one line, in which the entry stands once."""
        entry = "" if self.place.names(self.entry) else self.entry
        return ": ".join(str(part) for part in (self.place, entry, self.message) if part)


class Problems:
    """Mistakes as they are found.

    Attributes:
        secrets: values that are replaced by ``***`` wherever a message holds them.
    """

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self._found: list[Problem] = []

    def add(self, place: Place, entry: str, message: str) -> None:
        """Note a mistake; one that is known is not told twice."""
        problem = Problem(place, entry, self.without_secrets(message))
        if problem not in self._found:
            self._found.append(problem)

    def without_secrets(self, message: str) -> str:
        """Return a message in which secrets are replaced by ``***``."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            message = message.replace(secret, "***")
        return message

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._found)

    def found(self) -> list[Problem]:
        """Return all of them in the order of the file; those of the command line come last."""
        return sorted(self._found, key=lambda problem: _order(problem.place))

    def raise_any(self) -> None:
        """Raise `ConfigError` if there are any."""
        if self._found:
            raise ConfigError(self.found())


def _order(place: Place) -> tuple[bool, int, int]:
    return place.line is None, place.line or 0, place.column or 0


def place_of_option(message: str, places: Mapping[str, Place], otherwise: Place) -> Place:
    """Return where the option stands that an error's message names, as in ``patience=-1 must be …``."""
    named = (place for name, place in places.items() if re.search(rf"\b{re.escape(name)}=", message))
    return next(named, otherwise)
