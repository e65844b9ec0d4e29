"""Ultralytics' own integrations, switched on and off for one training and not for the whole installation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from typing import Any

from lineside.errors import OptionError, nearest

_MODULES = {
    "clearml": "clearml",
    "comet": "comet",
    "dvc": "dvc",
    "mlflow": "mlflow",
    "platform": "platform",
    "raytune": "raytune",
    "tensorboard": "tensorboard",
    "wandb": "wb",
}


def check_integrations(wanted: Mapping[str, bool]) -> None:
    """Refuse an integration that Ultralytics does not have. Raises `OptionError`."""
    for name, on in wanted.items():
        if name not in _MODULES:
            raise OptionError(
                f"integrations= has {name!r}.{nearest(name, _MODULES)} There are: {', '.join(sorted(_MODULES))}."
            )
        if not isinstance(on, bool):
            raise OptionError(f"integrations={{{name!r}: {on!r}}}: say True for on or False for off.")


def switch(wanted: Mapping[str, bool], callbacks: dict[str, list[Callable[[Any], None]]]) -> None:
    """Put the functions of integrations into a trainer's lists of callbacks, or take them out.

    Args:
        wanted: what is on and what is off; all others stay as Ultralytics' settings have them.
        callbacks: of one trainer, by event.

    Raises:
        OptionError: an integration is to be on whose package is not installed.
    """
    for name, on in wanted.items():
        functions = _functions(name)
        if on and not functions:
            raise OptionError(
                f"integrations={{{name!r}: True}}: Ultralytics finds no package for it: install it first."
            )
        for event, function in functions.items():
            there = callbacks[event]
            if on and function not in there:
                there.append(function)
            elif not on and function in there:
                there.remove(function)


def _functions(name: str) -> dict[str, Callable[[Any], None]]:
    """Return the functions of an integration by event, whatever the settings of this machine say; none without it."""
    place = f"ultralytics.utils.callbacks.{_MODULES[name]}"
    found: dict[str, Callable[[Any], None]] = import_module(place).callbacks
    settings, spec = import_module("ultralytics.utils").SETTINGS, find_spec(place)
    if found or settings.get(name) is not False or spec is None or spec.loader is None:
        return found
    # Earlier releases ask the settings when the module is imported: a copy of it is told otherwise. What is written to
    # the settings in the ordinary way goes into their file, and so would hold for everybody.
    copy = module_from_spec(spec)
    dict.update(settings, {name: True})
    try:
        spec.loader.exec_module(copy)
    finally:
        dict.update(settings, {name: False})
    functions: dict[str, Callable[[Any], None]] = copy.callbacks
    return functions
