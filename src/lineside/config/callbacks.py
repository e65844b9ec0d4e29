"""The callbacks of a file, read and checked, and made for a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints

from lineside.callback import Callback, CallbackOptions
from lineside.config.callback_items import classes, is_disabled, name_of, options_of_item
from lineside.config.names import NameNotFound
from lineside.config.problems import Problems, place_of_option
from lineside.config.reader import Reader
from lineside.config.signatures import Option, Options, options_of
from lineside.config.targets import complete, made
from lineside.config.tree import Items, Node, Place, Table, is_null, scalars
from lineside.errors import LinesideError


@dataclass(frozen=True, slots=True)
class CallbackEntry:
    """A callback as a file describes it.

    Attributes:
        cls: its class.
        place: where it stands.
        options: arguments of the constructor; they may hold targets.
        attributes: common options that the constructor does not take, which are set afterwards.
        places: where each option stands.
        hidden: options that hold a secret.
    """

    cls: type[Callback]
    place: Place
    options: Mapping[str, Any]
    attributes: Mapping[str, Any]
    places: Mapping[str, Place]
    hidden: frozenset[str] = frozenset()

    def make(self, parts: Mapping[str, Callable[[], Any]]) -> Callback:
        """Return the callback. Raises what its constructor raises."""
        callback = self.cls(**made(self.options, parts))
        for name, value in self.attributes.items():
            setattr(callback, name, value)
        callback.hidden_options |= self.hidden
        callback.check_options()
        return callback

    def try_out(self, problems: Problems) -> Callback | None:
        """Make the callback now, so that options out of range are told with all other mistakes.

        One that needs the model is left for later.
        """
        if not complete(self.options):
            return None
        try:
            return self.make({})
        except LinesideError as error:
            message = str(error)
        except Exception as error:  # noqa: BLE001 - whatever the constructor of somebody's callback raises
            message = f"{self.cls.__name__} could not be made: {type(error).__name__}: {error}"
        problems.add(place_of_option(message, self.places, self.place), "callbacks", message)
        return None


def read_callbacks(node: Node | None, reader: Reader, parts: Sequence[str]) -> list[CallbackEntry]:
    """Return the callbacks that are not switched off; mistakes are noted.

    Args:
        node: the list; None for none.
        reader: reads the options.
        parts: what can fill in arguments of objects in them.
    """
    if node is None or is_null(node):
        return []
    if not isinstance(node, Items):
        reader.problems.add(node.place, "callbacks", f"{node.shown} must be a list, with '- ' before each callback.")
        return []
    entries = [entry for item in node.items if (entry := _entry(item, reader, parts)) is not None]
    named: dict[str, Place] = {}
    for entry in entries:
        callback = entry.try_out(reader.problems)
        if callback is None:
            continue
        if (first := named.setdefault(callback.name, entry.place)) is not entry.place:
            reader.problems.add(
                entry.place,
                "callbacks",
                f"the callback of line {first.line} is called {callback.name!r}, too; give this one another 'name'.",
            )
    return entries


def _entry(item: Node, reader: Reader, parts: Sequence[str]) -> CallbackEntry | None:
    """Return a member of the list; None if it is switched off, or has mistakes."""
    problems, name = reader.problems, name_of(item)
    if name is None:
        problems.add(item.place, "callbacks", _no_name(item))
        return None
    try:
        (cls,) = classes(name)
    except NameNotFound as error:
        problems.add(item.place, "callbacks", str(error))
        return None
    before, path = len(problems), f"callbacks.{name}"
    below = item.entries[name] if isinstance(item, Table) else None
    if below is not None and not isinstance(below, Table) and not is_null(below):
        problems.add(below.place, path, f"{below.shown} must be its options: 'name: value'.")
    table = options_of_item(item) or Table(item.place)
    taken, outside = callback_options(cls)
    if is_disabled(item):
        # Its variables need not be set, and what it needs need not be installed.
        reader.refuse_unknown(table, taken, path)
        return None
    options = reader.options(table, taken, path, parts)
    for option in taken.named.values():
        if option.required and option.name not in table.entries:
            problems.add(item.place, path, f"it needs {option.name!r}; give it.")
    if len(problems) > before:
        return None
    attributes = {option: options.pop(option) for option in outside if option in options}
    places = {option: node.place for option, node in table.entries.items()}
    hidden = frozenset(option for option, node in table.entries.items() if any(one.secret for one in scalars(node)))
    return CallbackEntry(cls, item.place, options, attributes, places, hidden)


def callback_options(cls: type[Callback]) -> tuple[Options, frozenset[str]]:
    """Return what a callback takes, and which common options its constructor does not know.

    Those are set as attributes, as the class `Callback` has it.
    """
    options, described = options_of(cls), options_of(Callback).named
    common = {
        name: Option(name, hint, None, described[name].description)
        for name, hint in get_type_hints(CallbackOptions).items()
        if name not in options.named
    }
    outside = frozenset() if options.more_names else frozenset(common)
    return Options(options.named | common, more_names=options.more_names), outside


def _no_name(item: Node) -> str:
    if isinstance(item, Table) and item.entries:
        first, *rest = item.entries
        return f"{', '.join(map(repr, rest))} must be indented below {first!r}, if it belongs to it."
    return f"{item.shown} must be the name of a callback."
