"""What is looked up in an object of another framework, without importing that framework."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any

from lineside.errors import CallbackDefinitionError, OptionError

Function = Callable[..., Any]
Functions = Mapping[str, Sequence[Function]]
"""Functions by the name of their hook."""

# Classes of frameworks whose hooks are there to be overridden, and do nothing or call another hook.
_EMPTY_BASES = {("keras", "Callback"), ("tf_keras", "Callback"), ("transformers", "TrainerCallback")}
_ALSO_HOOKS = ("optimizer_step", "teardown")


def label_of(foreign: Any) -> str:
    """Return how messages call an object."""
    if isinstance(foreign, FunctionType):
        return foreign.__name__
    return "the dictionary of functions" if isinstance(foreign, Mapping) else type(foreign).__name__


def root_of(cls: type) -> str:
    """Return the name of the package that a class comes from."""
    return cls.__module__.partition(".")[0]


def written_hooks(foreign: Any) -> dict[str, list[Function]]:
    """Return the hooks that somebody wrote, by name; what a framework's base class holds is left out.

    Raises:
        OptionError: a member of a dictionary is no function.
    """
    if isinstance(foreign, FunctionType):
        return {foreign.__name__: [foreign]}
    if isinstance(foreign, Mapping):
        return {name: _listed(name, given) for name, given in foreign.items()}
    found = {}
    for name in dir(foreign):
        if not (name.startswith("on_") or name in _ALSO_HOOKS) or _is_empty(foreign, name):
            continue
        # A hook that is None is switched off.
        if callable(method := getattr(foreign, name)):
            found[name] = [method]
    return found


def _listed(name: object, given: Any) -> list[Function]:
    functions = list(given) if isinstance(given, (list, tuple)) else [given]
    for one in functions:
        if not isinstance(name, str) or not callable(one):
            raise OptionError(f"adopt({{{name!r}: …}}): {one!r} must be a function, under the name of its hook.")
    return functions


def _is_empty(foreign: Any, name: str) -> bool:
    """Tell whether an object merely inherits a hook from a framework's base class."""
    if name in getattr(foreign, "__dict__", ()):
        return False
    owner = next((cls for cls in type(foreign).__mro__ if name in vars(cls)), None)
    return owner is not None and (root_of(owner), owner.__name__) in _EMPTY_BASES


def parameters_of(function: Function) -> list[str]:
    """Return the names of a function's parameters; none for one that cannot be looked into."""
    try:
        return list(inspect.signature(function).parameters)
    except ValueError:
        return []


def check_callable(culprit: str, function: Function, given: Sequence[str], named: Sequence[str] = ()) -> None:
    """Refuse a hook that cannot be called as its framework calls it.

    Raises:
        CallbackDefinitionError: naming the hook and the right signature.
    """
    if inspect.iscoroutinefunction(function):
        raise CallbackDefinitionError(f"{culprit} is a coroutine, and training does not await.")
    try:
        inspect.signature(function).bind(*given, **dict.fromkeys(named))
    except TypeError as mismatch:
        right = ", ".join([*given, *(f"{name}=…" for name in named)])
        taken = ", ".join(parameters_of(function))
        raise CallbackDefinitionError(f"{culprit} takes ({taken}) and is called with ({right}): {mismatch}.") from None
    except ValueError:  # a function in C shows no signature
        return
