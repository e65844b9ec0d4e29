"""What all adopted callbacks have in common."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

from lineside.adopted.foreign import Function, Functions, check_callable, label_of
from lineside.adopted.state import state_of
from lineside.adopted.styles import Style
from lineside.callback import Callback, CallbackOptions, Hook, registered_name
from lineside.errors import CallbackDefinitionError, OptionError, nearest
from lineside.events import Event
from lineside.language import text
from lineside.ports import RunView

log = logging.getLogger("lineside")


class AdoptedCallback(Callback):
    """A callback of another framework; made by `lineside.adopt`.

    Attributes:
        style: whose callback it is.
        adopted: the name of its class or function.
        foreign: the object itself.
        resumable: it shows its state, which then is part of checkpoints; otherwise it begins anew in a resumed run.
    """

    _absent: Mapping[str, str] = {}
    """Hooks of the framework that stand for nothing here, with the reason."""

    def __init__(
        self,
        foreign: Any,
        functions: Functions,
        style: Style,
        arguments: Mapping[str, Any],
        **options: Unpack[CallbackOptions],
    ) -> None:
        self.style = style
        self.adopted = label_of(foreign)
        self.foreign = foreign
        self._arguments = dict(arguments)
        self._functions = functions
        self._state = state_of(foreign)
        self.resumable = self._state is not None
        self._initial: Any = None
        self._run: RunView | None = None
        self._chains: dict[Event, list[Callable[..., None]]] = {Event.SETUP: [self._set_up]}
        self._subscribe()
        options.setdefault("name", _name(style, foreign))
        super().__init__(**options)

    # ---- what a style defines ------------------------------------------------------------------------------------

    def _subscribe(self) -> None:
        """Map the object's hooks to events, with `_add`."""
        raise NotImplementedError

    def _begin(self, run: RunView) -> None:
        """Make the objects that stand in for those of the framework."""
        raise NotImplementedError

    def _own_state(self) -> dict[str, Any]:
        """Return what must survive a restart beside the object's state."""
        return {}

    def _load_own_state(self, state: Mapping[str, Any]) -> None:
        """Take it back."""

    # ---- events --------------------------------------------------------------------------------------------------

    def check_options(self) -> None:
        """Check the common options; callbacks of others know nothing of snapshots."""
        super().check_options()
        if self.background:
            raise OptionError(
                f"{self.name}: background=True: an adopted callback works on the live run. Leave it out, or write it "
                "as a lineside.Callback."
            )

    def _add(self, event: Event, call: Callable[..., None]) -> None:
        self._chains.setdefault(event, []).append(call)

    def _refuse_unknown(self, known: Sequence[str]) -> None:
        """Refuse a hook that would never be called. Raises `CallbackDefinitionError`."""
        for name in self._functions:
            if name in known:
                continue
            if name in self._absent:
                why = f"has no counterpart here: {self._absent[name]}. Switch it off with {name} = None"
            else:
                why = f"is no hook of the style {self.style!r}.{nearest(name, known)} There is: {', '.join(known)}"
            raise CallbackDefinitionError(f"{self._culprit(name)} {why}.")

    def _check(self, hook: str, function: Function, given: Sequence[str], named: Sequence[str] = ()) -> None:
        check_callable(self._culprit(hook), function, given, named)

    def _culprit(self, hook: str) -> str:
        return hook if hook == self.adopted else f"{self.adopted}.{hook}"

    def hooks(self) -> Mapping[Event, Hook]:
        """Return the events that the object's hooks stand for, and those that keep count for it."""
        return {event: Hook(_in_turn(calls)) for event, calls in self._chains.items()}

    def _set_up(self, run: RunView) -> None:
        self._begin_anew(run)
        if self._state is None:
            level = logging.WARNING if run.attempt > 1 else logging.INFO
            message = text(
                "%s is not resumable: %s shows no state, so that it begins anew when the run is resumed.",
                "%s 不可恢复：%s 不提供状态，运行恢复后会从头开始。",
            )
            log.log(level, message, self.name, self.adopted)
            return
        if self._initial is not None:
            self._state.put(copy.deepcopy(self._initial))
            return
        try:
            self._initial = copy.deepcopy(self._state.take())
        except AttributeError:
            # It makes its attributes in a hook at the start, and thus forgets an earlier fit by itself.
            self._initial = None

    def _begin_anew(self, run: RunView) -> None:
        self._run = run
        self._begin(run)

    def _meet(self, run: RunView) -> None:
        """See that there are stand-ins, also where ``on_setup`` did not come because another callback failed in it."""
        if self._run is None:
            self._begin_anew(run)

    # ---- state ---------------------------------------------------------------------------------------------------

    @property
    def has_state(self) -> bool:
        """Whether there is anything to save."""
        return self._state is not None or bool(self._own_state())

    def state_dict(self) -> dict[str, Any]:
        """Return the state that the object shows, and what is counted for it."""
        state = self._own_state()
        if self._state is not None:
            state["adopted"] = self._state.take()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put it back."""
        self._load_own_state(state)
        if self._state is not None and "adopted" in state:
            self._state.put(state["adopted"])


def _name(style: Style, foreign: Any) -> str:
    if isinstance(foreign, Mapping):
        return f"{style}-functions"
    if isinstance(name := getattr(foreign, "__name__", None), str):
        return f"{style}-{name.replace('_', '-')}"
    return f"{style}-{registered_name(type(foreign))}"


def _in_turn(calls: Sequence[Callable[..., None]]) -> Callable[..., None]:
    if len(calls) == 1:
        return calls[0]

    def each(run: RunView, *payload: Any) -> None:
        for call in calls:
            call(run, *payload)

    return each
