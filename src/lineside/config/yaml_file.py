"""YAML, read into places: nothing is constructed, so nothing can be executed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from lineside.config.problems import Problems
from lineside.config.tree import Items, Node, Place, Scalar, Table, children, copied
from lineside.errors import MissingDependency

DEEPEST: Final = 50
"""Lists and mappings within each other."""

MOST_NODES: Final = 20_000
"""Values in a file when its aliases are replaced by what they stand for; a few lines could stand for billions."""

_MERGE: Final = "<<"


def yaml_library() -> Any:
    """Return PyYAML.

    Raises:
        MissingDependency: it is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise MissingDependency("A configuration in YAML", "PyYAML", "config") from error
    return yaml


def read_yaml(text: str, origin: Place, problems: Problems) -> Node | None:
    """Return what a YAML document holds; None, with a problem, if it is none.

    Anchors and merge keys (``<<``) are resolved; a key that stands twice, a tag, and a second document are problems.

    Args:
        text: the document.
        origin: the file, or an argument of the command line; places in a file get line and column.
        problems: where mistakes are noted.
    """
    yaml = yaml_library()
    events = yaml.parse(text, Loader=yaml.SafeLoader)
    try:
        return _Composer(yaml, events, origin, problems).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = origin if mark is None else _within(origin, mark.line + 1, mark.column + 1)
        context = f"{error.context}, " if error.context else ""
        problems.add(place, "", f"this is not YAML: {context}{error.problem}.")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problems.add(_within(origin, line, None), "", f"the character {error.character:#04x} is not allowed in YAML.")
    except _TooMuch as error:
        problems.add(error.place, "", str(error))
    return None


def _within(origin: Place, line: int, column: int | None) -> Place:
    return Place(origin.source, line, column) if origin.line is not None else origin


class _TooMuch(Exception):
    """A document is too deep or too large."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place


class _Composer:
    """Turns the events of PyYAML's parser into nodes."""

    def __init__(self, yaml: Any, events: Iterator[Any], origin: Place, problems: Problems) -> None:
        self._yaml = yaml
        self._events = events
        self._origin = origin
        self._problems = problems
        self._anchors: dict[str, Node] = {}
        self._count = 0

    def document(self) -> Node:
        """Return the one document that there is; an empty one is null."""
        next(self._events)  # the stream starts
        if isinstance(first := next(self._events), self._yaml.StreamEndEvent):
            return Scalar(self._place(first), "")
        node = self._node(next(self._events), 0)
        next(self._events)  # the document ends
        if not isinstance(after := next(self._events), self._yaml.StreamEndEvent):
            self._problems.add(self._place(after), "", "a second document begins; give one.")
        return node

    def _place(self, event: Any) -> Place:
        return _within(self._origin, event.start_mark.line + 1, event.start_mark.column + 1)

    def _node(self, event: Any, depth: int) -> Node:
        place = self._place(event)
        if depth > DEEPEST:
            raise _TooMuch(place, f"lists and mappings are nested more than {DEEPEST} deep.")
        if isinstance(event, self._yaml.AliasEvent):
            return self._alias(event, place)
        self._add(1, place)
        if event.tag not in (None, "!"):
            self._problems.add(place, "", f"the tag {event.tag!r} is not supported; quotes make a text of anything.")
        if isinstance(event, self._yaml.ScalarEvent):
            node: Node = Scalar(place, event.value, plain=event.style is None and event.tag is None)
        elif isinstance(event, self._yaml.SequenceStartEvent):
            node = self._items(place, depth)
        else:
            node = self._table(place, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Any, place: Place) -> Node:
        """Return a copy of what an anchor names; one that is not complete yet, as in ``&a [*a]``, is not known."""
        if event.anchor not in self._anchors:
            self._problems.add(place, "", f"there is no anchor &{event.anchor} before this alias.")
            return Scalar(place, "")
        named = self._anchors[event.anchor]
        self._add(_size(named), place)
        return copied(named)

    def _add(self, count: int, place: Place) -> None:
        self._count += count
        if self._count > MOST_NODES:
            raise _TooMuch(place, f"more than {MOST_NODES:,} values, aliases included.")

    def _items(self, place: Place, depth: int) -> Items:
        items = Items(place)
        while not isinstance(event := next(self._events), self._yaml.SequenceEndEvent):
            items.items.append(self._node(event, depth + 1))
        return items

    def _table(self, place: Place, depth: int) -> Table:
        table, merged = Table(place), []
        while not isinstance(event := next(self._events), self._yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            node = self._node(next(self._events), depth + 1)
            if not isinstance(key, Scalar):
                self._problems.add(key.place, "", f"a key must be a text, not {key.shown}.")
            elif key.plain and key.text == _MERGE:
                merged.append(node)
            elif key.text in table.entries:
                first = table.keys[key.text].line
                self._problems.add(key.place, key.text, f"this key stands twice; the first is in line {first}.")
            else:
                table.set(key.text, node, key.place)
        for node in merged:
            self._merge(table, node)
        return table

    def _merge(self, table: Table, node: Node) -> None:
        """Add what stands under a merge key: a mapping, or a list of them; keys of the mapping itself win."""
        sources = children(node) if isinstance(node, Items) else [node]
        for source in sources:
            if not isinstance(source, Table):
                self._problems.add(source.place, _MERGE, "only mappings can be merged.")
                continue
            for key, value in source.entries.items():
                if key not in table.entries:
                    table.set(key, value, source.keys[key])


def _size(node: Node) -> int:
    return 1 + sum(_size(below) for below in children(node))
