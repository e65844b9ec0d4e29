"""What the command line sets: ``optimizer.lr=0.1``, ``callbacks.EarlyStopping.patience=10``, ``trainer.epochs=3``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lineside.config.callback_items import answers_to, classes, name_of, options_of_item
from lineside.config.names import NameNotFound, is_name
from lineside.config.problems import Problems
from lineside.config.sections import SECTIONS, no_section
from lineside.config.tree import COMMAND_LINE, Items, Node, Place, Scalar, Table, is_null
from lineside.config.yaml_file import read_yaml
from lineside.errors import nearest

CALLBACKS: Final = "callbacks"


def apply_overrides(root: Table, assignments: Iterable[str], problems: Problems) -> None:
    """Set values in a tree.

    A path leads through names of objects by itself: ``optimizer.lr`` is the argument ``lr`` of whatever the optimizer
    is. Presets must have been expanded, so that their members can be addressed.

    Args:
        root: changed in place.
        assignments: each ``path=value``, with the value in YAML.
        problems: where mistakes are noted.
    """
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        place = Place.on_command_line(path)
        if not equals or not all(path.split(".")):
            problems.add(Place(COMMAND_LINE), "", f"{path!r} must be section.option=value.")
            continue
        value = read_yaml(text, place, problems)
        first, *rest = path.split(".")
        if first not in SECTIONS:
            problems.add(place, "", no_section(first))
        elif value is not None:
            _assign(root, first, rest, value, problems)


def _assign(root: Table, first: str, rest: list[str], value: Node, problems: Problems) -> None:
    place = value.place
    if not rest:
        root.set(first, value, place)
        return
    if first == CALLBACKS:
        table = _options_of_callback(root.entries.get(CALLBACKS), rest.pop(0), place, problems)
    else:
        table = _table_below(root, first, place, problems)
    while table is not None and len(rest) > 1:
        table = _table_below(table, rest.pop(0), place, problems)
    if table is not None and rest:
        table.set(rest[0], value, place)
    elif table is not None:
        problems.add(place, "", "an option is missing: callbacks.NAME.option=value.")


def _table_below(table: Table, key: str, place: Place, problems: Problems) -> Table | None:
    """Return the mapping under a key, made where there is none: of an object, that of its arguments."""
    node = table.entries.get(key)
    if node is None or is_null(node):
        node = Table(place)
        table.set(key, node, place)
    elif isinstance(node, Scalar) and is_name(node.text):
        named = Table(node.place)
        named.set(node.text, Table(node.place), node.place)
        table.set(key, named, node.place)
        node = named
    if not isinstance(node, Table):
        problems.add(place, "", f"{key} is {node.shown} in line {node.place.line}, which has no options to set.")
        return None
    name = next(iter(node.entries), "")
    return _table_below(node, name, place, problems) if len(node.entries) == 1 and is_name(name) else node


def _options_of_callback(callbacks: Node | None, word: str, place: Place, problems: Problems) -> Table | None:
    """Return the options of the callback with this name: its ``name``, its class, or its registered name."""
    items = callbacks.items if isinstance(callbacks, Items) else []
    found = [index for index, item in enumerate(items) if _own_name(item) == word]
    found = found or [index for index, item in enumerate(items) if _is_of_class(item, word)]
    if len(found) == 1:
        return _options(items, found[0])
    if found:
        problems.add(place, "", f"{len(found)} callbacks are called {word!r}; give each a 'name', and use that.")
        return None
    there = [name for item in items for name in (_own_name(item), name_of(item)) if name is not None]
    known = f" There is: {', '.join(there)}." if there else ""
    problems.add(place, "", f"the file has no callback {word!r}.{nearest(word, there)}{known}")
    return None


def _own_name(item: Node) -> str | None:
    options = options_of_item(item)
    name = options.entries.get("name") if options is not None else None
    return name.text if isinstance(name, Scalar) else None


def _is_of_class(item: Node, word: str) -> bool:
    name = name_of(item)
    try:
        return name is not None and any(answers_to(cls, word) for cls in classes(name))
    except NameNotFound:
        return name == word


def _options(items: list[Node], index: int) -> Table:
    """Return the options of a member of the list, as a mapping that is part of the tree."""
    item = items[index]
    if (options := options_of_item(item)) is not None:
        return options
    name, options = name_of(item) or "", Table(item.place)
    named = Table(item.place)
    named.set(name, options, item.place)
    items[index] = named
    return options
