"""What stands in a file, and where: texts, lists and mappings that remember their places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Self

from lineside.config.scalars import Plain, read_plain

COMMAND_LINE: Final = "command line"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: a file with line and column, both counted from 1, or an argument of the command line."""

    source: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        """Return it as compilers write it: ``config.yaml:3:5``."""
        return ":".join(str(part) for part in (self.source, self.line, self.column) if part is not None)

    @classmethod
    def on_command_line(cls, path: str) -> Self:
        """Return the place of what an argument ``path=value`` sets."""
        return cls(f"{COMMAND_LINE}, {path}")

    def names(self, entry: str) -> bool:
        """Tell whether the place says by itself which entry it is: an argument does, and the entries around it."""
        return f"{self.source}.".startswith(f"{COMMAND_LINE}, {entry}.")


@dataclass(slots=True, eq=False)
class Scalar:
    """A text.

    Attributes:
        place: where it stands.
        text: what it says, with references resolved.
        plain: it has no quotes, so that it may stand for a number, true, false or null.
        reference: the text as written, if it holds references such as ``${TOKEN}``.
        secret: it must not be shown.
    """

    place: Place
    text: str
    plain: bool = True
    reference: str | None = None
    secret: bool = False

    @property
    def value(self) -> Plain:
        """What it stands for."""
        return read_plain(self.text) if self.plain else self.text

    @property
    def shown(self) -> str:
        """How a message quotes it: as written, never what a variable holds."""
        if self.reference is not None:
            return self.reference
        return repr(self.text) if isinstance(self.value, str) else self.text or "null"


@dataclass(slots=True, eq=False)
class Items:
    """A list."""

    place: Place
    items: list[Node] = field(default_factory=list)
    shown = "a list"


@dataclass(slots=True, eq=False)
class Table:
    """A mapping with texts as keys, and the places of the keys."""

    place: Place
    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    shown = "a mapping"

    def set(self, key: str, node: Node, place: Place) -> None:
        """Put something under a key, in place of what is there."""
        self.entries[key] = node
        self.keys[key] = place


Node = Scalar | Items | Table


def is_null(node: Node) -> bool:
    """Tell whether nothing stands there, or ``null``."""
    return isinstance(node, Scalar) and node.value is None


def copied(node: Node) -> Node:
    """Return a copy that shares nothing that can change."""
    if isinstance(node, Items):
        return Items(node.place, [copied(item) for item in node.items])
    if isinstance(node, Table):
        return Table(node.place, {key: copied(below) for key, below in node.entries.items()}, dict(node.keys))
    return replace(node)


def scalars(node: Node) -> Iterator[Scalar]:
    """Yield all texts in a node."""
    if isinstance(node, Scalar):
        yield node
    for below in children(node):
        yield from scalars(below)


def children(node: Node) -> list[Node]:
    """Return what stands directly in a node."""
    if isinstance(node, Items):
        return node.items
    return list(node.entries.values()) if isinstance(node, Table) else []
