"""Reading JSON objects that somebody else may have written: every key is expected, and has its type."""

from __future__ import annotations

from typing import Any, TypeVar

_Value = TypeVar("_Value")


class Fields:
    """The keys of an object from outside, each taken once, each with its type.

    Every method raises `ValueError`, naming `place` and the key, for what is missing or of another type.
    """

    def __init__(self, data: Any, place: str) -> None:
        if not isinstance(data, dict):
            raise ValueError(f"{place} is no object")  # noqa: TRY004 - one kind of error for a damaged manifest
        self._left = dict(data)
        self._place = place

    def take(self, key: str, kind: type[_Value]) -> _Value:
        """Take a value of exactly this type; True is no int here."""
        if key not in self._left:
            raise ValueError(f"{self._place} has no {key!r}")
        value = self._left.pop(key)
        if type(value) is not kind:
            raise ValueError(f"{self._place}: {key!r} is {value!r:.80}, not a {kind.__name__}")
        return value

    def optional(self, key: str, kind: type[_Value]) -> _Value | None:
        """Take a value of this type, or None."""
        if key in self._left and self._left[key] is None:
            return self.take(key, type(None))
        return self.take(key, kind)

    def count(self, key: str) -> int:
        """Take a whole number that is not negative."""
        value = self.take(key, int)
        if value < 0:
            raise ValueError(f"{self._place}: {key!r} is negative")
        return value

    def items(self, key: str, kind: type[_Value]) -> list[_Value]:
        """Take a list whose items have this type."""
        values = self.take(key, list)
        for value in values:
            if type(value) is not kind:
                raise ValueError(f"{self._place}: {key!r} holds {value!r:.80}, not a {kind.__name__}")
        return values

    def texts(self, key: str) -> dict[str, str]:
        """Take an object whose values are texts."""
        values = self.take(key, dict)
        for name, value in values.items():
            if type(value) is not str:
                raise ValueError(f"{self._place}: {key!r} has {value!r:.80} for {name!r}, not a str")
        return values

    def end(self) -> None:
        """Insist that nothing is left."""
        for key in self._left:
            raise ValueError(f"{self._place} has the unknown key {key!r}")
