"""Hooks as functions, for what is too small to deserve a class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineside.callback import Callback, CallbackOptions, Hook, check_signature
from lineside.errors import CallbackDefinitionError, OptionError
from lineside.events import Event, event_of, unknown_hook


class LambdaCallback(Callback):
    """Calls functions at events: ``LambdaCallback(on_epoch_end=lambda run: print(run.metrics))``.

    Functions may carry ``@every``. Names of hooks are checked as those of methods are, aliases of other frameworks
    included. Functions have no state; what must survive a restart belongs into a `Callback` of its own.

    Args:
        functions: hooks by name, each taking the run (and what its event carries), among the common options of all
            callbacks.

    Raises:
        CallbackDefinitionError: a hook is misspelt, is given twice under two names, or its function cannot be called
            as its event demands.
        OptionError: no hook is given, or a hook is no function.
    """

    def __init__(self, **functions: Any) -> None:
        options = {name: functions.pop(name) for name in CallbackOptions.__annotations__ if name in functions}
        self._functions: dict[Event, Hook] = {}
        for name, function in functions.items():
            event = event_of(name)
            if event is None:
                raise CallbackDefinitionError(f"LambdaCallback: {unknown_hook(name)}")
            if event in self._functions:
                raise CallbackDefinitionError(
                    f"LambdaCallback has two functions for one event, {event.hook}: keep one."
                )
            if not callable(function):
                raise OptionError(f"LambdaCallback: {name}={function!r} is no function; give one that takes the run.")
            check_signature(f"LambdaCallback({name}=…)", function, event, method=False)
            self._functions[event] = Hook.of(function)
        if not self._functions:
            raise OptionError("LambdaCallback needs at least one hook, such as on_epoch_end=lambda run: …")
        super().__init__(**options)

    def hooks(self) -> Mapping[Event, Hook]:
        """Return the functions that were given."""
        return self._functions
