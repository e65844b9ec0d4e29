"""`Target`: what a name with arguments in a file makes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lineside.config.tree import Place

Use = Literal["make", "function"]
"""Whether a function that is named is called at once (``make``), or is what is wanted itself (``function``)."""


@dataclass(frozen=True, slots=True)
class Target:
    """A class or function with arguments, or an object as it is.

    Attributes:
        name: ``package.module:name``.
        place: where it stands.
        found: what the name stands for.
        use: see `Use`.
        positional: arguments by position; they may hold further targets.
        keywords: arguments by name, likewise.
        filled: names of arguments that the training fills in, such as ``params``.
    """

    name: str
    place: Place
    found: Any
    use: Use = "make"
    positional: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)
    filled: tuple[str, ...] = ()

    def make(self, parts: Mapping[str, Callable[[], Any]]) -> Any:
        """Return the object; an error on the way bears a note that says where in the file it comes from.

        Args:
            parts: what fills arguments in, by name.
        """
        if not is_called(self.found, self.use):
            return functools.partial(self.found, **made(self.keywords, parts)) if self.keywords else self.found
        positional, keywords = made(list(self.positional), parts), made(self.keywords, parts)
        try:
            return self.found(*positional, **{name: parts[name]() for name in self.filled}, **keywords)
        except Exception as error:
            error.add_note(f"This happened in {self.name}, {self.place}.")
            raise

    @property
    def complete(self) -> bool:
        """Whether it can be made before there is a model."""
        return not self.filled and complete([*self.positional, *self.keywords.values()])


def is_called(found: Any, use: Use) -> bool:
    """Tell whether an object has to be called: classes always, functions only where what they return is wanted."""
    if isinstance(found, type):
        return True
    return use == "make" and (inspect.isroutine(found) or isinstance(found, functools.partial))


def made(value: Any, parts: Mapping[str, Callable[[], Any]]) -> Any:
    """Return a value with all targets in it made."""
    if isinstance(value, Target):
        return value.make(parts)
    if isinstance(value, Mapping):
        return {name: made(below, parts) for name, below in value.items()}
    return [made(below, parts) for below in value] if type(value) is list else value


def complete(value: Any) -> bool:
    """Tell whether everything in a value can be made before there is a model."""
    if isinstance(value, Target):
        return value.complete
    if isinstance(value, Mapping):
        return all(complete(below) for below in value.values())
    return not isinstance(value, list) or all(complete(below) for below in value)
