"""Objects that stand in for those of another framework, and say so where they cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from lineside.errors import AdoptedError, RequestRefused
from lineside.ports import RunView


class StandIn:
    """Has the attributes that adopted callbacks may use; any other is an `AdoptedError` that names it and the host.

    Names that begin with an underscore are free: callbacks keep things of their own on such objects.

    Args:
        run: what the attributes are read from.
        owner: the name of the adopted callback.
        word: how adopted callbacks call this object.
    """

    _writable: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, run: RunView, owner: str, word: str) -> None:
        self._run = run
        self._owner = owner
        self._word = word

    def _offered(self) -> list[str]:
        """Return the attributes that there are."""
        return sorted({name for name in dir(type(self)) if name[0] != "_"} | self._writable)

    def _refusal(self, name: str) -> AdoptedError:
        word, owner = object.__getattribute__(self, "_word"), object.__getattribute__(self, "_owner")
        return AdoptedError(f"{word}.{name}", owner, self._run.host, self._offered())

    def __getattr__(self, name: str) -> Any:
        """Refuse an attribute that is not there; what a property of ours raises stays what it is."""
        if name in dir(type(self)):
            return object.__getattribute__(self, name)
        raise self._refusal(name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set what may be set."""
        known = getattr(type(self), name, None)
        if name[0] == "_" or name in self._writable or (isinstance(known, property) and known.fset is not None):
            object.__setattr__(self, name, value)
        else:
            raise self._refusal(name)


class Arguments(StandIn):
    """The arguments of a training: those that were given to `lineside.adopt`, those that the run knows, its hparams."""

    def __init__(
        self,
        run: RunView,
        owner: str,
        word: str,
        known: Callable[[RunView], Mapping[str, Any]],
        given: Mapping[str, Any],
    ) -> None:
        super().__init__(run, owner, word)
        self._known = known
        self._given = given

    def _offered(self) -> list[str]:
        return sorted({*self._known(self._run), *self._given, *self._run.hparams, "what adopt(…, arguments={…}) gives"})

    def __getattr__(self, name: str) -> Any:
        """Return an argument, the nearest source first."""
        if name[0] != "_":
            for source in (self._given, self._known(self._run), self._run.hparams):
                if name in source:
                    return source[name]
        raise self._refusal(name)


class Absent:
    """Stands for an object that no host hands to adopted callbacks: it may be passed on, but not used."""

    def __init__(self, name: str, owner: str, host: str) -> None:
        self._refused = (name, owner, host)

    def __getattr__(self, name: str) -> Any:
        """Refuse every attribute."""
        if name == "_refused":  # of a copy that is not built yet
            raise AttributeError(name)
        what, owner, host = self._refused
        raise AdoptedError(f"{what}.{name}", owner, host, ["model", "optimizer"])


def only_rate(run: RunView) -> float:
    """Return the scheduled learning rate of a run with one parameter group.

    Raises:
        RequestRefused: there are several.
    """
    rates = run.scheduled_lr
    if len(rates) != 1:
        raise RequestRefused(
            f"The adopted callback asks for the one learning rate, and this run has {len(rates)}: {', '.join(rates)}. "
            "Use a callback of Lineside for it, which knows groups."
        )
    return float(next(iter(rates.values())))


def only_optimizer(run: RunView) -> Any:
    """Return the framework's optimizer; None where there is not exactly one."""
    optimizers = list(run.optimizers.values())
    return optimizers[0] if len(optimizers) == 1 else None
