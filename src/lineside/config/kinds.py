"""What a file may say for an annotation: the part of a type that texts, numbers, lists and mappings can express."""

from __future__ import annotations

import collections.abc
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from inspect import Parameter
from pathlib import Path, PurePath
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from lineside.destination import NAMES_SECRETS
from lineside.secret import Secret
from lineside.units import Duration

_WORDS: Final[dict[Any, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    NoneType: "null",
    Path: "a path",
    list: "a list",
    dict: "a mapping",
}
_LISTS: Final = (
    list,
    set,
    frozenset,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Iterable,
    collections.abc.Collection,
    collections.abc.Set,
)
_MAPPINGS: Final = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


@dataclass(frozen=True, slots=True)
class Kind:
    """What may be given for one option.

    Attributes:
        plain: the annotation that values of a file are checked against; None if they cannot express any of it.
        anything: there is no usable annotation, so that nothing is checked.
        objects: it may also be an object, which a file gives as ``package.module:name``.
        duration: texts are durations, such as ``500 steps``.
        secret: it is a `Secret`.
        address: it is an `Address`, or holds some: references stay as they are written.
        words: what it may be, for messages.
        plain_words: the same without objects.
    """

    plain: Any = None
    anything: bool = False
    objects: bool = False
    duration: bool = False
    secret: bool = False
    address: bool = False
    words: str = ""
    plain_words: str = ""

    @property
    def literals(self) -> tuple[Any, ...]:
        """The values of its `Literal` types."""
        return tuple(value for one in _members(self.plain) if get_origin(one) is Literal for value in get_args(one))

    @property
    def numeric(self) -> bool:
        """Whether it may be a number."""
        return any(one in (int, float) for one in _members(self.plain))

    @property
    def loose(self) -> bool:
        """Whether some of what is given is not checked, so that a mistake would go unnoticed."""
        return self.anything or _has_any(self.plain)


ANYTHING: Final = Kind(anything=True, objects=True)


def kind_of(annotation: Any) -> Kind:
    """Return what a file may say for an annotation; `Parameter.empty` stands for none."""
    if annotation is Parameter.empty:
        return ANYTHING
    members = list(_members(annotation))
    if any(_is_open(member) for member in members):
        return ANYTHING
    duration, address = Duration in members, _has_addresses(annotation)
    secret = Secret in members and not address
    rest = [member for member in members if member not in (Duration, Secret)]
    if duration:
        rest = [member for member in rest if member is not timedelta] + ([] if str in rest else [str])
    if secret and str not in rest:
        rest.append(str)
    if str in rest:
        rest = [member for member in rest if not _is_path(member)]
    plain = [(member, found) for member in rest if (found := _plain(member)) is not None]
    plain_words = _in_words([found for _, found in plain], duration=duration)
    return Kind(
        plain=Union[tuple(found for _, found in plain)] if plain else None,  # noqa: UP007 - made of a list
        objects=not address and (len(plain) < len(rest) or any(_holds_objects(member) for member in rest)),
        duration=duration,
        secret=secret,
        address=address,
        words=" or ".join(
            [
                *filter(None, [plain_words]),
                *(f"an object ({_name(member)})" for member in rest if _plain(member) is None),
            ]
        ),
        plain_words=plain_words,
    )


def _members(annotation: Any) -> Iterator[Any]:
    """Yield the types of which a value may have any."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    elif origin is Annotated:
        yield from _members(annotation.__origin__)
    elif hasattr(annotation, "__supertype__"):  # a NewType
        yield from _members(annotation.__supertype__)
    elif hasattr(annotation, "__value__"):  # a name for a type
        yield from _members(annotation.__value__)
    else:
        yield NoneType if annotation is None else annotation


def _has_addresses(annotation: Any) -> bool:
    """Tell whether texts are addresses: their secrets are looked up when something is sent, and not here."""
    if get_origin(annotation) is Annotated:
        return NAMES_SECRETS in annotation.__metadata__
    return get_origin(annotation) is not Literal and any(_has_addresses(one) for one in get_args(annotation))


def _is_open(member: Any) -> bool:
    return member in (Any, object) or hasattr(member, "__bound__") or isinstance(member, str)


def _is_path(member: Any) -> bool:
    base = get_origin(member) or member
    return isinstance(base, type) and (issubclass(base, PurePath) or base is os.PathLike)


def _plain(member: Any) -> Any:
    """Return what pydantic is to check of one type; None if a file cannot express it."""
    if member in (bool, int, float, str, NoneType) or get_origin(member) is Literal:
        return member
    if _is_path(member):
        return Path
    if isinstance(member, type) and issubclass(member, Enum):
        return member
    base, arguments = get_origin(member) or member, get_args(member)
    if base is tuple:
        return _with_arguments(tuple, arguments)
    if base in _MAPPINGS:
        return _with_arguments(dict, arguments)
    return _with_arguments(list if base not in (set, frozenset) else base, arguments) if base in _LISTS else None


def _with_arguments(base: Any, arguments: tuple[Any, ...]) -> Any:
    if not arguments:
        return base
    inner = tuple(one if one is Ellipsis else _inner(one) for one in arguments)
    return None if None in inner else base[inner]


def _inner(annotation: Any) -> Any:
    """Return what is checked of the members of a list or mapping."""
    members = list(_members(annotation))
    if any(_is_open(member) for member in members):
        return Any
    plain = [found for member in members if (found := _plain(member)) is not None]
    return Union[tuple(plain)] if plain else None  # noqa: UP007 - made of a list


def _holds_objects(member: Any) -> bool:
    """Tell whether a list or mapping may have objects in it."""
    return any(
        _is_open(inner) or _plain(inner) is None or _holds_objects(inner)
        for one in get_args(member)
        if one is not Ellipsis and get_origin(member) is not Literal
        for inner in _members(one)
    )


def _has_any(annotation: Any) -> bool:
    return annotation is Any or any(_has_any(one) for one in get_args(annotation))


def _in_words(plain: list[Any], *, duration: bool) -> str:
    words: list[str] = []
    for member in plain:
        if duration and member is str:
            words.append("a duration, such as '500 steps'")
        elif get_origin(member) is Literal:
            words += map(repr, get_args(member))
        elif isinstance(member, type) and issubclass(member, Enum):
            words += [repr(one.value) for one in member]
        else:
            words.append(_WORDS.get(member) or _of_members(member))
    return " or ".join(dict.fromkeys(words))


def _of_members(member: Any) -> str:
    base, arguments = get_origin(member) or member, get_args(member)
    if base is dict:
        return "a mapping"
    if base is tuple and arguments and Ellipsis not in arguments:
        return f"a list of {len(arguments)}"
    inner = _in_words(list(_members(arguments[0])), duration=False) if arguments and arguments[0] is not Any else ""
    return f"a list (of {inner})" if inner else "a list"


def _name(member: Any) -> str:
    return str(getattr(member, "__name__", member)).rpartition(".")[2]
