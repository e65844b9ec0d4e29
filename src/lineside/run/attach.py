"""Callbacks join a run: resolved, checked for one name each, and for what the host can do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lineside.callback import Callback
from lineside.errors import AttachError, OptionError
from lineside.files import weight_suffix
from lineside.ports import CallbackInfo, Capabilities, Host, Route
from lineside.registry import resolve
from lineside.secret import holds_password, named_like_a_secret


def attach(items: Sequence[Callback | str], host: str, capabilities: Capabilities) -> list[Callback]:
    """Return the callbacks that a list of objects and registered names stands for.

    Raises:
        AttachError: two have one name, or the host lacks a point or an ability that a callback needs.
        CallbackNotFound: a name is not registered.
        OptionError: a common option has a wrong value.
    """
    callbacks = resolve(items)
    doubles = [name for name, count in Counter(callback.name for callback in callbacks).items() if count > 1]
    if doubles:
        raise AttachError(
            f"Two callbacks are called {doubles[0]!r}. State is kept by name: give one of them another, such as "
            f"name='{doubles[0]}-2'."
        )
    for callback in callbacks:
        callback.check_options()
        if callback.enabled:
            _check_needs(callback, host, capabilities)
    routes_of(callbacks)
    return callbacks


def routes_of(callbacks: Sequence[Callback]) -> list[Route]:
    """Return the routes of all callbacks that are not switched off. Raises `OptionError` for what is none."""
    routes = []
    for callback in callbacks:
        for route in callback.routes if callback.enabled else ():
            if not isinstance(route, Route):
                raise OptionError(f"{callback!r}: routes={callback.routes!r} must be lineside.ports.Route objects.")
            routes.append(route)
    return routes


def check_weight_files(callbacks: Sequence[Callback], host: Host) -> None:
    """Refuse stand-alone weight files that the host cannot write. Raises `OptionError`, with the kinds that it can."""
    for callback in callbacks:
        for file in callback.weight_files if callback.enabled else ():
            host.check_weight_suffix(weight_suffix(Path(file)))


def lacking(callback: Callback, capabilities: Capabilities) -> list[str]:
    """Return what a callback needs and a host does not have: hooks, then abilities, by name."""
    hooks = {event.hook for event in callback.hooks()} - callback.optional_hooks
    missing = sorted(hooks - {event.hook for event in capabilities.events})
    return missing + sorted(callback.needs - capabilities.abilities)


def _check_needs(callback: Callback, host: str, capabilities: Capabilities) -> None:
    if missing := lacking(callback, capabilities):
        why = capabilities.reasons.get(missing[0])
        raise AttachError(
            f"{callback!r} needs {', '.join(missing)}, which the host {host!r} does not have"
            f"{f': {why}' if why else ''}. Leave the callback out there, or use it in another host."
        )


def described(callbacks: Sequence[Callback]) -> tuple[CallbackInfo, ...]:
    """Return what callbacks may know of each other: names, classes and public options that are plain values.

    It is recorded as well, so nothing that is secret is in it.
    """
    return tuple(
        CallbackInfo(callback.name, type(callback).__name__, callback.enabled, _options(callback))
        for callback in callbacks
    )


def _options(callback: Callback) -> dict[str, Any]:
    plain = (str, int, float, bool, type(None))
    return {
        name: value
        for name, value in vars(callback).items()
        if name[0] != "_" and isinstance(value, plain) and not _is_hidden(callback, name, value)
    }


def _is_hidden(callback: Callback, name: str, value: Any) -> bool:
    if name in callback.hidden_options or named_like_a_secret(name):
        return True
    return isinstance(value, str) and holds_password(value)
