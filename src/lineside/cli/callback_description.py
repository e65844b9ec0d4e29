"""What a registered callback says of itself: its class, its first sentence, its options with their documentation."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from typing import Any, Self, get_type_hints

from lineside.callback import Callback, CallbackOptions
from lineside.errors import CallbackNotFound
from lineside.events import Event, event_of
from lineside.registry import GROUP, find, names, resolve


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a callback; `default` is as Python writes it, None for an option that must be given."""

    name: str
    type: str
    default: str | None
    doc: str


@dataclass(frozen=True, slots=True)
class CallbackDescription:
    """One registered name.

    Attributes:
        name: as it is written in a list of callbacks.
        target: ``package.module:Class``; empty for a preset.
        package: the distribution that registers it, with its version.
        sentence: what it does.
        text: the rest of what its class says of itself.
        options: its own.
        common: those that all callbacks take.
        hooks: the events that it looks at.
        needs: what the training engine must be able to do.
        preset: the callbacks that a preset stands for.
        error: why it cannot be loaded.
    """

    name: str
    target: str = ""
    package: str = ""
    sentence: str = ""
    text: str = ""
    options: tuple[Option, ...] = ()
    common: tuple[Option, ...] = ()
    hooks: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    preset: tuple[str, ...] = ()
    error: str | None = None

    @classmethod
    def of(cls, name: str, known: type[Callback], package: str) -> Self:
        """Describe a class."""
        sentence, text, arguments = _parts(known)
        shared = _section(inspect.getdoc(Callback) or "", "Attributes")
        hooks = {event.hook for method in dir(known) if method.startswith("on_") and (event := event_of(method))}
        return cls(
            name=name,
            target=f"{known.__module__}:{known.__qualname__}",
            package=package,
            sentence=sentence,
            text=text,
            options=tuple(_options(known, arguments)),
            common=tuple(
                Option(option, inspect.formatannotation(kind), repr(getattr(known, option)), shared.get(option, ""))
                for option, kind in get_type_hints(CallbackOptions).items()
            ),
            hooks=tuple(event.hook for event in Event if event.hook in hooks),
            needs=tuple(sorted(known.needs)),
        )

    def document(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        return asdict(self)


def described(name: str) -> CallbackDescription:
    """Describe what is registered under a name, in any of its spellings.

    Raises:
        CallbackNotFound: nothing is; the message has the nearest.
        MissingDependency: the callback needs a library that is not installed.
    """
    try:
        known = find(name)
    except CallbackNotFound:
        if name not in names():
            raise
        # A registered name without a class is a preset.
        members = resolve([name])
        sentence = f"A preset: {', '.join(type(member).__name__ for member in members)}."
        return CallbackDescription(name, sentence=sentence, preset=tuple(member.name for member in members))
    return CallbackDescription.of(name, known, _package(name, known))


def all_described() -> list[CallbackDescription]:
    """Describe everything that is registered; what cannot be loaded says why, and hides none of the others."""
    return [_described_or_error(name) for name in names()]


def _described_or_error(name: str) -> CallbackDescription:
    try:
        return described(name)
    except Exception as error:  # noqa: BLE001 - code of others is imported here, and it may raise anything
        return CallbackDescription(name, package=_package(name, None), error=f"{type(error).__name__}: {error}")


def _package(name: str, known: type[Callback] | None) -> str:
    if known is not None and known.__module__.startswith("lineside."):
        return "lineside"
    found = {entry.dist for entry in entry_points(group=GROUP) if entry.name == name}
    return ", ".join(sorted(f"{dist.name} {dist.version}" for dist in found if dist is not None))


def _parts(known: type[Callback]) -> tuple[str, str, Mapping[str, str]]:
    """Return the first sentence, the rest of the text, and what is said of each argument."""
    doc = inspect.cleandoc(known.__doc__ or "")
    first, _, rest = doc.partition("\n\n")
    text = re.split(r"^(?:Args|Attributes|Raises|Example|Examples):\s*$", rest, maxsplit=1, flags=re.MULTILINE)[0]
    arguments: dict[str, str] = {}
    for owner in reversed(known.__mro__):
        arguments |= _section(inspect.cleandoc(owner.__doc__ or ""), "Args")
    return " ".join(first.split()), text.strip(), arguments


def _section(doc: str, title: str) -> dict[str, str]:
    """Return the entries of a section of a docstring in Google's style."""
    match = re.search(rf"^{title}:\s*\n((?:[ \t]+.*\n?|\s*\n)*)", doc, flags=re.MULTILINE)
    entries: dict[str, str] = {}
    name = ""
    for line in inspect.cleandoc("\n" + match[1]).splitlines() if match else ():
        started = re.match(r"(\w+)(?: \([^)]*\))?: (.*)", line)
        if started and not line.startswith(" "):
            name, said = started[1], started[2]
            entries[name] = said
        elif name:
            entries[name] = f"{entries[name]} {line.strip()}".strip()
    return entries


def _options(known: type[Callback], arguments: Mapping[str, str]) -> Iterable[Option]:
    for name, parameter in inspect.signature(known).parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        required = parameter.default is parameter.empty
        kind = "" if parameter.annotation is parameter.empty else inspect.formatannotation(parameter.annotation)
        yield Option(name, kind.strip("'"), None if required else repr(parameter.default), arguments.get(name, ""))
