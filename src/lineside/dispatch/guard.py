"""What happens when a callback raises: isolate it, count it, disable it, or end the run."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable
from typing import Any

from lineside.callback import Callback
from lineside.dispatch.profile import Cost
from lineside.errors import AttachError, MonitorError, OptionError
from lineside.units import Duration, Trigger

log = logging.getLogger("lineside")

FORCE_RAISE = "LINESIDE_ON_ERROR"


class Bound:
    """A hook in its place: what is called, whose it is, how often, what it costs and how often it failed."""

    __slots__ = ("call", "callback", "cost", "disabled", "failures", "method", "streak", "trigger")

    def __init__(
        self, callback: Callback, method: str, call: Callable[[Any], None], every: Duration | None = None
    ) -> None:
        self.callback = callback
        self.method = method
        self.call = call
        self.trigger = Trigger(every) if every is not None else None
        self.cost = Cost()
        self.disabled = False
        self.failures = 0
        self.streak = 0

    def __str__(self) -> str:
        """Name the hook as people write it."""
        return f"{self.callback.name}.{self.method}"


class Guard:
    """Decides what a failure of a hook means.

    Args:
        disable: takes a hook out of its chain; in a distributed run this is agreed by all ranks.
        report: called with a title, a text and the failing hook, to raise an alert.

    Attributes:
        postponed: where errors that end the run wait once it is ending, so that all callbacks see the last events.
    """

    def __init__(self, disable: Callable[[Bound], None], report: Callable[[str, str, Bound], None]) -> None:
        self._disable = disable
        self._report = report
        self._force_raise = forced_to_raise()
        self.postponed: deque[BaseException] | None = None

    def failed(self, hook: Bound, error: Exception) -> None:
        """Isolate a failure, or raise it again.

        `MonitorError` and `AttachError` always end the run: a callback that watches a metric that never comes, or finds
        at its start that it cannot work here, protects nothing. So does an error in a callback that takes part in
        collectives: its peers on other ranks would wait for ever.
        """
        hook.failures += 1
        hook.streak += 1
        callback = hook.callback
        useless = isinstance(error, (AttachError, MonitorError))
        if self._force_raise or callback.on_error == "raise" or callback.collective or useless:
            error.add_note(f"raised by the callback {hook}")
            if self.postponed is None:
                raise error
            self.postponed.append(error)
            return
        name = f"{hook} raised {type(error).__name__}: {error}".rstrip(".")
        if hook.failures == 1:
            log.error("%s. Training goes on; further failures of this hook are counted.", name, exc_info=error)
        limit = callback.disable_after
        if limit is not None and hook.streak >= limit:
            self._disable(hook)
            log.error("%s is disabled after %d failures in a row; the last was %s", hook, hook.streak, name)
            self._report(f"Callback {hook} is disabled", f"{hook.streak} failures in a row; the last: {name}", hook)
        elif hook.failures == 1:
            self._report(f"Callback {hook} failed", name, hook)


def forced_to_raise() -> bool:
    """Tell whether the environment turns isolation off, as tests want it.

    Raises:
        OptionError: LINESIDE_ON_ERROR is neither ``raise`` nor ``isolate``.
    """
    value = os.environ.get(FORCE_RAISE, "isolate")
    if value not in ("raise", "isolate"):
        raise OptionError(f"{FORCE_RAISE}={value!r}: use raise or isolate.")
    return value == "raise"
