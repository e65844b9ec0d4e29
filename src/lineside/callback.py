"""`Callback`: a unit of behaviour beside the training line, written once, run in every host."""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Never, TypedDict, TypeVar

from lineside.errors import AttachError, CallbackDefinitionError, OptionError, UnknownOption, nearest
from lineside.events import Event, event_of, unknown_hook
from lineside.ports import Capability, Route, RunView
from lineside.units import Duration

OnError = Literal["isolate", "raise"]
Ranks = Literal["zero", "all"]
HookFunction = Callable[..., None]
_F = TypeVar("_F", bound=Callable[..., Any])
_EVERY = "__lineside_every__"


class CallbackOptions(TypedDict, total=False):
    """The options that every callback takes, as keyword arguments."""

    name: str
    enabled: bool
    on_error: OnError
    background: bool
    ranks: Ranks
    close_timeout: float


@dataclass(frozen=True, slots=True)
class Hook:
    """A method bound to an event, and how often it should be called.

    Attributes:
        call: the method.
        every: call it once per crossed multiple of this.
        inline: call it on the training thread with the live run, also where its callback is in the background: what a
            sink writes may have to be taken from the model.
    """

    call: HookFunction
    every: Duration | None = None
    inline: bool = False

    @classmethod
    def of(cls, call: HookFunction) -> Hook:
        """Return the hook of a function or method, with the frequency that ``@every`` gave it."""
        return cls(call, getattr(call, _EVERY, None))


def every(duration: str | Duration) -> Callable[[_F], _F]:
    """Call a hook once per crossed multiple of a duration: ``@every("100 steps")``, ``@every("10 min")``."""
    parsed = Duration.parse(duration, "@every")

    def mark(function: _F) -> _F:
        setattr(function, _EVERY, parsed)
        return function

    return mark


def registered_name(cls: type) -> str:
    """Return the name under which a class is registered: ``EarlyStopping`` is ``early-stopping``."""
    bare = cls.__name__.removesuffix("Callback") or cls.__name__
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", bare).lower()


class Callback:
    """Behaviour beside the training line.

    Write the hooks you need, each as ``on_<event>(self, run)``; nothing else is necessary. Options are attributes,
    so a class may set its own defaults, and an ``__init__`` that takes ``**options`` passes them on to this one.

    Attributes:
        name: unique within a run; the class name in kebab-case unless given. State is kept under it.
        enabled: a callback that is not enabled is listed but sees nothing.
        on_error: ``"isolate"`` logs, counts and goes on; ``"raise"`` ends the run.
        background: run on a thread of its own, with snapshots of the run instead of the run.
        ranks: ``"zero"``, or ``"all"`` to run on every rank of a distributed run.
        collective: the callback takes part in collectives; its errors always end the run.
        close_timeout: seconds that a background callback gets to finish at the end.
        needs: abilities of the host without which the callback makes no sense.
        weight_files: stand-alone weight files that it will ask for; a host that cannot write their kind refuses it.
        routes: where alerts go because this callback is here; see `lineside.ports.Route`.
        optional_hooks: hooks that a host may lack; all others must be there.
        hidden_options: attributes that are neither listed nor recorded. Those that are named like a secret, and
            addresses with a password in them, never are.
        restored_with_weights: its state is about the weights, and goes back with them when a checkpoint is put back in
            the middle of a training; all others go on counting.
        disable_after: failures in a row after which a hook is disabled; None for never.
    """

    name: str = "callback"
    enabled: bool = True
    on_error: OnError = "isolate"
    background: bool = False
    ranks: Ranks = "zero"
    collective: bool = False
    close_timeout: float = 10.0
    needs: frozenset[Capability] = frozenset()
    weight_files: tuple[str, ...] = ()
    routes: Sequence[Route] = ()
    optional_hooks: ClassVar[frozenset[str]] = frozenset()
    hidden_options: frozenset[str] = frozenset()
    restored_with_weights: ClassVar[bool] = False
    disable_after: ClassVar[int | None] = 3
    _hook_methods: ClassVar[Mapping[Event, str]] = {}

    def __init__(
        self,
        *,
        name: str | None = None,
        enabled: bool | None = None,
        on_error: OnError | None = None,
        background: bool | None = None,
        ranks: Ranks | None = None,
        close_timeout: float | None = None,
        **unknown: Never,
    ) -> None:
        if unknown:
            raise UnknownOption(type(self).__name__, next(iter(unknown)), _option_names(type(self)))
        given = {
            "name": name,
            "enabled": enabled,
            "on_error": on_error,
            "background": background,
            "ranks": ranks,
            "close_timeout": close_timeout,
        }
        for option, value in given.items():
            if value is not None:
                setattr(self, option, value)
        self.check_options()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Map hooks to events once; refuse a misspelt hook, a wrong signature, two hooks of one event.

        Raises:
            CallbackDefinitionError: naming the class, the method and the fix.
        """
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls):
            cls.name = registered_name(cls)
        cls._hook_methods = _map_hooks(cls)

    def check_options(self) -> None:
        """Check the common options; called at construction and again when the callback joins a run.

        Raises:
            OptionError: naming the option, what is allowed, and the nearest right word.
        """
        if not isinstance(self.name, str) or not re.fullmatch(r"\w[\w.-]{0,99}", self.name):
            raise OptionError(f"{type(self).__name__}: name={self.name!r} must be letters, digits, '.', '_' or '-'.")
        for option, allowed in (("on_error", ("isolate", "raise")), ("ranks", ("zero", "all"))):
            value = getattr(self, option)
            if value not in allowed:
                words = " or ".join(map(repr, allowed))
                raise OptionError(f"{self.name}: {option}={value!r}.{nearest(str(value), allowed)} Use {words}.")
        for option in ("enabled", "background", "collective"):
            if not isinstance(value := getattr(self, option), bool):
                raise OptionError(f"{self.name}: {option}={value!r} must be True or False.")
        timeout: object = self.close_timeout
        if not isinstance(timeout, (int, float)) or not 0 < timeout <= threading.TIMEOUT_MAX:
            raise OptionError(f"{self.name}: close_timeout={timeout!r} must be a positive, finite number of seconds.")

    def _refuse_a_second(self, run: RunView, why: str) -> None:
        """Refuse another enabled callback of this class. Raises `AttachError`, with both names and what to do."""
        for other in run.callbacks:
            if other.enabled and other.kind == type(self).__name__ and other.name != self.name:
                raise AttachError(f"{self.name} and {other.name} are both {other.kind}: {why}")

    def hooks(self) -> Mapping[Event, Hook]:
        """Return what this callback subscribes to."""
        return {event: Hook.of(getattr(self, method)) for event, method in self._hook_methods.items()}

    @property
    def has_state(self) -> bool:
        """Whether this class has anything to save."""
        return (
            type(self).state_dict is not Callback.state_dict or type(self).state_tensors is not Callback.state_tensors
        )

    def state_dict(self) -> dict[str, Any]:
        """Return what must survive a restart, as plain data: numbers, texts, None, lists, dicts with text keys."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` returned; called after ``on_setup`` and before ``on_train_start``."""

    def state_tensors(self) -> Mapping[str, Any]:
        """Return tensors that must survive a restart; kept in a file of their own."""
        return {}

    def load_state_tensors(self, tensors: Mapping[str, Any]) -> None:
        """Take back what `state_tensors` returned."""

    def __repr__(self) -> str:
        """Return the class and the name."""
        return f"<{type(self).__name__} {self.name!r}>"


def _option_names(cls: type[Callback]) -> list[str]:
    """Return what a class and those above it take by name, its own options first."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    inits = [vars(owner)["__init__"] for owner in cls.__mro__ if "__init__" in vars(owner) and owner is not object]
    taken = [parameter for init in inits for parameter in list(inspect.signature(init).parameters.values())[1:]]
    return list(dict.fromkeys(parameter.name for parameter in taken if parameter.kind in kinds))


def _map_hooks(cls: type[Callback]) -> dict[Event, str]:
    mapped: dict[Event, str | None] = {}
    for owner in cls.__mro__:
        if owner in (Callback, object):
            continue
        here: dict[Event, str | None] = {}
        for method, member in _hooks_written_in(owner):
            if member is None and (switched_off := event_of(method)) is not None:
                here[switched_off] = None
                continue
            if isinstance(member, (staticmethod, classmethod)) or not callable(member):
                if callable(getattr(member, "__func__", None)):
                    raise CallbackDefinitionError(f"{owner.__name__}.{method} must be an ordinary method.")
                continue
            event = event_of(method)
            if event is None:
                raise CallbackDefinitionError(f"{owner.__name__}.{unknown_hook(method)}")
            if event in here:
                raise CallbackDefinitionError(
                    f"{owner.__name__} has two hooks for one event, {here[event]} and {method}: keep one of them."
                )
            check_signature(f"{owner.__name__}.{method}", member, event, method=True)
            here[event] = method
        mapped = here | mapped
    # A subclass may override a hook under another alias: the name nearest to the class wins, whichever it is. Python's
    # way to take an inherited method away, `on_epoch_end = None`, takes the hook away.
    return {event: method for event, method in mapped.items() if method is not None}


def _hooks_written_in(owner: type) -> Iterator[tuple[str, Any]]:
    for method, member in vars(owner).items():
        if method.startswith("on_") or method in ("setup", "teardown"):
            yield method, member
        elif hasattr(member, _EVERY):
            raise CallbackDefinitionError(f"@every stands at {owner.__name__}.{method}: {unknown_hook(method)}")


def check_signature(culprit: str, function: HookFunction, event: Event, *, method: bool) -> None:
    """Refuse a hook that cannot be called with what its event gives.

    Raises:
        CallbackDefinitionError: naming the hook and the right signature; for Keras' ``(epoch, logs)`` it points to
            `lineside.adopt`.
    """
    right = ["self"] * method + ["run"] + [event.payload] * (event.payload is not None)
    hint = f"{culprit} must be written as {event.hook}({', '.join(str(name) for name in right)})."
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise CallbackDefinitionError(f"{hint} It is a coroutine, and training does not await.")
    if inspect.isgeneratorfunction(function):
        raise CallbackDefinitionError(f"{hint} It holds a yield, so that calling it would do nothing.")
    signature = inspect.signature(function)
    names = [name for name in signature.parameters if name != "self"]
    if names[-1:] == ["logs"] or names[:1] == ["trainer"] or names[:2] == ["args", "state"]:
        raise CallbackDefinitionError(
            f"{hint} ({', '.join(names)}) is another framework's signature: wrap the object with lineside.adopt(…), "
            "or read epoch and metrics from run."
        )
    try:
        signature.bind(*right)
    except TypeError as mismatch:
        given = ", ".join(signature.parameters)
        raise CallbackDefinitionError(f"{hint} It takes ({given}): {mismatch}.") from None
