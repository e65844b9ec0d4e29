"""Reading options and the objects that a file names, down to every depth, and noting all that is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from lineside.config.checking import as_written, checked, refuse_secrets
from lineside.config.kinds import ANYTHING, Kind, kind_of
from lineside.config.names import NameNotFound, find_object, is_name
from lineside.config.problems import Problems
from lineside.config.signatures import Options, options_of
from lineside.config.targets import Target, Use, is_called
from lineside.config.tree import Items, Node, Place, Scalar, Table, is_null
from lineside.errors import nearest

OBJECT: Final = "object"
"""``object: package.module:name`` is what the name stands for, as it is."""


class Reader:
    """Reads values, and targets with their arguments.

    Args:
        problems: where mistakes are noted.
    """

    def __init__(self, problems: Problems) -> None:
        self.problems = problems

    def value(self, node: Node, kind: Kind, entry: str, parts: Sequence[str] = ()) -> Any:
        """Return what stands in a node, with a `Target` wherever it names something to be made.

        Args:
            node: to be read.
            kind: what is wanted.
            entry: of what, for messages.
            parts: what can fill in arguments of targets.
        """
        if kind.address:
            return checked(as_written(node, entry, self.problems), kind, entry, self.problems)
        refuse_secrets(node, entry, self.problems)
        if isinstance(node, Table) and (named := self._named(node, entry, parts)) is not None:
            return named[0]
        if not _names_objects(node):
            return checked(node, kind, entry, self.problems)
        # Of what the objects in a list or mapping are, only making them can tell.
        if isinstance(node, Items):
            return [self.value(item, ANYTHING, f"{entry}[{index}]", parts) for index, item in enumerate(node.items)]
        entries = node.entries if isinstance(node, Table) else {}
        return {key: self.value(below, ANYTHING, f"{entry}.{key}", parts) for key, below in entries.items()}

    def _named(self, table: Table, entry: str, parts: Sequence[str]) -> tuple[Any] | None:
        """Return, in a tuple, what a mapping names; None if it is an ordinary mapping."""
        if list(table.entries) == [OBJECT] and isinstance(name := table.entries[OBJECT], Scalar) and is_name(name.text):
            return (self._found(name.text, name.place, entry),)
        names = [key for key in table.entries if is_name(key)]
        if not names:
            return None
        if len(table.entries) > 1:
            place = table.keys[names[0]]
            others = ", ".join(key for key in table.entries if key != names[0])
            self.problems.add(
                place, entry, f"{names[0]!r} must stand alone; indent {others} below it, if it belongs to it."
            )
            return (None,)
        return (self.target(table, entry, parts=parts),)

    def target(self, node: Node, entry: str, *, use: Use = "make", parts: Sequence[str] = ()) -> Target | None:
        """Return the target that a name, or a mapping from a name to arguments, stands for; None with a problem.

        Args:
            node: a name, or a mapping with a name as its one key.
            entry: for messages.
            use: what becomes of a function.
            parts: what can fill in arguments.
        """
        if isinstance(node, Scalar) and isinstance(node.value, str):
            name, place, arguments = node.text, node.place, None
        elif isinstance(node, Table) and len(node.entries) == 1:
            ((name, arguments),) = node.entries.items()
            place = node.keys[name]
        else:
            self.problems.add(
                node.place,
                entry,
                f"{node.shown} must be package.module:name, or that with its arguments indented below it.",
            )
            return None
        found = self._found(name, place, entry)
        if found is None:
            return None
        if not callable(found) and use == "function":
            self.problems.add(place, entry, f"{name} is a {type(found).__name__}, which cannot be called.")
            return None
        return self._with_arguments(Target(name, place, found, use), arguments, entry, parts)

    def _found(self, name: str, place: Place, entry: str) -> Any:
        try:
            return find_object(name)
        except NameNotFound as error:
            self.problems.add(place, entry, str(error))
            return None

    def _with_arguments(self, bare: Target, arguments: Node | None, entry: str, parts: Sequence[str]) -> Target:
        called = is_called(bare.found, bare.use)
        if not called and bare.use == "make" and arguments is not None and not is_null(arguments):
            self.problems.add(
                bare.place, entry, f"{bare.name} is a {type(bare.found).__name__} and takes no arguments."
            )
            return bare
        options = options_of(bare.found)
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        if isinstance(arguments, Items):
            if called:
                positional = self.positions(arguments, options, entry, parts)
            else:
                self.problems.add(arguments.place, entry, f"give the arguments of {bare.name} by name.")
        elif isinstance(arguments, Table):
            keywords = self.options(arguments, options, entry, parts)
        elif arguments is not None and not is_null(arguments):
            self.problems.add(
                arguments.place, entry, f"{arguments.shown} must be the arguments of {bare.name}: 'name: value'."
            )
        given = {*options.positional[: len(positional)], *(arguments.entries if isinstance(arguments, Table) else ())}
        filled = self._filled(bare, options, given, entry, parts) if called else ()
        return Target(bare.name, bare.place, bare.found, bare.use, tuple(positional), keywords, filled)

    def _filled(
        self, target: Target, options: Options, given: set[str], entry: str, parts: Sequence[str]
    ) -> tuple[str, ...]:
        """Return which required options the training fills in; others that are missing are problems."""
        missing = [name for name, option in options.named.items() if option.required and name not in given]
        for name in missing:
            if name not in parts:
                self.problems.add(target.place, entry, f"{target.name} needs {name!r}; give it.")
        return tuple(name for name in missing if name in parts)

    def positions(self, items: Items, options: Options, entry: str, parts: Sequence[str]) -> list[Any]:
        """Read arguments that are given by position."""
        names = options.positional
        if len(items.items) > len(names) and not options.more_positions:
            place = items.items[len(names)].place
            self.problems.add(place, entry, f"there are {len(items.items)} arguments, and {len(names)} are taken.")
        values = []
        for index, item in enumerate(items.items):
            option = options.named.get(names[index]) if index < len(names) else None
            kind = kind_of(option.annotation) if option is not None else ANYTHING
            values.append(self.value(item, kind, f"{entry}[{index}]", parts))
        return values

    def options(self, table: Table, options: Options, entry: str, parts: Sequence[str] = ()) -> dict[str, Any]:
        """Read arguments that are given by name; one that is not known is a problem with the nearest right name."""
        self.refuse_unknown(table, options, entry)
        values = {}
        for name, node in table.entries.items():
            option = options.named.get(name)
            if option is not None:
                values[name] = self.value(node, kind_of(option.annotation), f"{entry}.{name}", parts)
            elif options.more_names:
                values[name] = self.value(node, ANYTHING, f"{entry}.{name}", parts)
        return values

    def refuse_unknown(self, table: Table, options: Options, entry: str) -> None:
        """Note names that are not known, each with the nearest right one."""
        known = list(options.named)
        for name in [] if options.more_names else table.entries:
            if name not in options.named:
                there = f" There is: {', '.join(known)}." if known else " It takes none."
                self.problems.add(table.keys[name], entry, f"there is no {name!r}.{nearest(name, known) or there}")


def _names_objects(node: Node) -> bool:
    """Tell whether objects are named somewhere in a node."""
    if isinstance(node, Items):
        return any(map(_names_objects, node.items))
    if isinstance(node, Scalar):
        return False
    if any(is_name(key) for key in node.entries):
        return True
    only = node.entries.get(OBJECT) if len(node.entries) == 1 else None
    if isinstance(only, Scalar) and is_name(only.text):
        return True
    return any(map(_names_objects, node.entries.values()))
