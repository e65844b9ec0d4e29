"""The options of a class or function: names, annotations, defaults, and what its docstring says of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter
from typing import Any, Never, Unpack, get_args, get_origin, get_type_hints

from lineside.config.docstrings import described_options


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes:
        name: as it is written in a file.
        annotation: evaluated; `Parameter.empty` where there is none, or where it cannot be evaluated.
        default: `Parameter.empty` where it must be given.
        description: from the docstring; may be empty.
    """

    name: str
    annotation: Any
    default: Any
    description: str = ""

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is Parameter.empty


@dataclass(frozen=True, slots=True)
class Options:
    """What a class or function takes.

    Attributes:
        named: options by name.
        positional: names of those that may be given by position, in order.
        more_positions: there may be any number of further ones (``*args``).
        more_names: any further name is taken (``**kwargs``).
    """

    named: dict[str, Option]
    positional: tuple[str, ...] = ()
    more_positions: bool = False
    more_names: bool = False


def options_of(target: Callable[..., Any]) -> Options:
    """Return what a class or function takes; anything, if it cannot be inspected, as some that are written in C.

    ``**options: Unpack[…]`` of a `TypedDict` is taken apart.
    """
    try:
        signature = inspect.signature(target)
    except (TypeError, ValueError):
        return Options({}, more_positions=True, more_names=True)
    function: Any = inspect.getattr_static(target, "__init__") if isinstance(target, type) else target
    described = described_options(target, function)
    named: dict[str, Option] = {}
    positional: list[str] = []
    more_positions = more_names = False
    for name, parameter in signature.parameters.items():
        annotation = _evaluated(parameter.annotation, function)
        if parameter.kind is Parameter.VAR_POSITIONAL:
            more_positions = True
        elif parameter.kind is not Parameter.VAR_KEYWORD:
            if parameter.kind is not Parameter.KEYWORD_ONLY:
                positional.append(name)
            if parameter.kind is not Parameter.POSITIONAL_ONLY:
                named[name] = Option(name, annotation, parameter.default, described.get(name, ""))
        elif get_origin(annotation) is Unpack:
            named |= _unpacked(get_args(annotation)[0], described)
        elif annotation is not Never:
            more_names = True
    return Options(named, tuple(positional), more_positions, more_names)


def _unpacked(typed_dict: Any, described: dict[str, str]) -> dict[str, Option]:
    hints = get_type_hints(typed_dict)
    return {name: Option(name, hint, None, described.get(name, "")) for name, hint in hints.items()}


def _evaluated(annotation: Any, function: Any) -> Any:
    """Return an annotation that may be written as text; one alone, so that one that cannot be had spoils no other."""
    if not isinstance(annotation, str):
        return annotation

    def probe() -> None: ...

    probe.__annotations__ = {"it": annotation}
    try:
        namespace = getattr(inspect.unwrap(function), "__globals__", {})
        return get_type_hints(probe, globalns=namespace, include_extras=True)["it"]
    except Exception:  # noqa: BLE001 - whatever evaluating somebody's annotation raises
        return Parameter.empty
