"""The list of callbacks as it stands in a file: names, options, presets, what is switched off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lineside.callback import Callback
from lineside.config.names import NameNotFound, find_object, is_name
from lineside.config.problems import Problems
from lineside.config.scalars import read_plain
from lineside.config.tree import Items, Node, Scalar, Table, copied
from lineside.errors import CallbackNotFound, LinesideError, nearest
from lineside.registry import find, resolve

ENABLED: Final = "enabled"


def classes(name: str) -> tuple[type[Callback], ...]:
    """Return the class that a registered name or a ``package.module:Class`` stands for, or those of a preset.

    Raises:
        NameNotFound: it stands for no callback; the message has the nearest right word.
    """
    if is_name(name):
        found = find_object(name)
        if not (isinstance(found, type) and issubclass(found, Callback)):
            raise NameNotFound(f"{name} is no class of callbacks.")
        return (found,)
    try:
        try:
            return (find(name),)
        except CallbackNotFound:
            return tuple(type(member) for member in resolve([name]))
    except CallbackNotFound as error:
        # Beside the nearest name the list of all of them only hides the other mistakes of a file.
        first, _, everything = str(error).partition(" There is: ")
        raise NameNotFound(first if everything and "Did you mean" in first else str(error)) from error
    except LinesideError as error:
        raise NameNotFound(str(error)) from error
    except Exception as error:  # whatever the module of another package raises
        raise NameNotFound(f"importing {name!r} failed: {type(error).__name__}: {error}") from error


def answers_to(cls: type[Callback], word: str) -> bool:
    """Tell whether a word is one of the names of a class: its own, or that under which it is registered."""
    if word in (cls.__name__, cls.name):
        return True
    try:
        return not is_name(word) and classes(word) == (cls,)
    except NameNotFound:
        return False


def name_of(item: Node) -> str | None:
    """Return the name in a member of the list; None if there is none."""
    if isinstance(item, Scalar):
        return item.text if isinstance(item.value, str) else None
    return next(iter(item.entries)) if isinstance(item, Table) and len(item.entries) == 1 else None


def options_of_item(item: Node) -> Table | None:
    """Return the options in a member of the list, if it has any."""
    options = next(iter(item.entries.values())) if isinstance(item, Table) and len(item.entries) == 1 else None
    return options if isinstance(options, Table) else None


def expand_presets(callbacks: Node | None, problems: Problems) -> None:
    """Replace each preset by its members, in place, so that each of them can be addressed.

    An option under the name of a member is a mapping for that member; any other is for all of them.
    """
    if not isinstance(callbacks, Items):
        return
    expanded: list[Node] = []
    for item in callbacks.items:
        name = name_of(item)
        try:
            members = classes(name) if name is not None and not is_name(name) else ()
        except NameNotFound:  # told when the list is read
            members = ()
        expanded += _members(item, members, problems) if len(members) > 1 else [item]
    callbacks.items[:] = expanded


def _members(item: Node, members: Sequence[type[Callback]], problems: Problems) -> list[Node]:
    given = options_of_item(item) or Table(item.place)
    own = {key: cls for key in given.entries for cls in members if answers_to(cls, key)}
    for key in [key for key, node in given.entries.items() if isinstance(node, Table) and key not in own]:
        there = [cls.name for cls in members]
        problems.add(
            given.keys[key],
            f"callbacks.{name_of(item)}",
            f"{key!r} is none of its members.{nearest(key, there)} There is: {', '.join(there)}.",
        )
        del given.entries[key]
    expanded: list[Node] = []
    for cls in members:
        options = Table(item.place)
        for key, node in given.entries.items():
            if key not in own:
                options.set(key, copied(node), given.keys[key])
        for key, node in given.entries.items():
            if own.get(key) is cls and isinstance(node, Table):
                for option, value in node.entries.items():
                    options.set(option, value, node.keys[option])
        named = Table(item.place)
        named.set(cls.name, options, item.place)
        expanded.append(named if options.entries else Scalar(item.place, cls.name))
    return expanded


def is_disabled(item: Node) -> bool:
    """Tell whether a member of the list is switched off: it is looked at, but not made."""
    options = options_of_item(item)
    switch = options.entries.get(ENABLED) if options is not None else None
    return isinstance(switch, Scalar) and read_plain(switch.text) is False
