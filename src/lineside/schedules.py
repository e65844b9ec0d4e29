"""What a learning rate is by schedule: functions, curves, and schedulers of a framework."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, get_args

from lineside.errors import AttachError, OptionError, nearest
from lineside.ports import RunView
from lineside.ramps import done_of, ramp
from lineside.units import Duration

Unit = Literal["epoch", "step"]
Curve = Literal["cosine", "linear", "exponential"]

_PER_STEP = ("OneCycleLR", "CyclicLR")
"""The schedulers of torch that its documentation steps after every batch."""


class Rates(Protocol):
    """A schedule that is asked for the rates at the start of each epoch or step."""

    def begin(self, run: RunView) -> None:
        """Take the rates as they are before the training."""

    def rates(self, run: RunView) -> Mapping[str, float]:
        """Return the rate of each group, now."""


class Function:
    """Rates that a function of the user gives: ``f(count)``, or ``f(count, lr)`` for each group.

    Args:
        owner: who is named in errors.
        function: called with the epoch or the step, from 0.
        unit: which of the two.
    """

    def __init__(self, owner: str, function: Callable[..., Any], unit: Unit) -> None:
        self._owner = owner
        self._function = function
        self._unit = unit
        self._takes_rate = _takes_rate(owner, function)

    def begin(self, run: RunView) -> None:
        """Nothing to take."""

    def rates(self, run: RunView) -> dict[str, float]:
        """Return what the function says.

        Raises:
            OptionError: that is no rate.
            AttachError: it is one for a group that is not there, or one for all groups whose rates differ.
        """
        count, now = run.epoch if self._unit == "epoch" else run.step, run.scheduled_lr
        if self._takes_rate:
            return {group: self._checked(self._function(count, rate), count) for group, rate in now.items()}
        given = self._function(count)
        if isinstance(given, Mapping):
            return {self._known(group, now): self._checked(rate, count) for group, rate in given.items()}
        if len(set(now.values())) > 1:
            rates = ", ".join(f"{group}: {rate:g}" for group, rate in now.items())
            raise AttachError(
                f"{self._owner}: the schedule gives one rate, and the parameter groups have different ones ({rates}). "
                "Write it as schedule(epoch, lr), which is called for each group, or return a dict of rates by group."
            )
        return dict.fromkeys(now, self._checked(given, count))

    def _known(self, group: object, now: Mapping[str, float]) -> str:
        if str(group) not in now:
            raise AttachError(
                f"{self._owner}: the schedule gives a rate for {group!r}, which is no parameter group of this run."
                f"{nearest(str(group), now)} There is: {', '.join(now)}."
            )
        return str(group)

    def _checked(self, rate: Any, count: int) -> float:
        try:
            number = float(rate)
        except (TypeError, ValueError):
            number = math.nan
        if not (math.isfinite(number) and number >= 0.0):
            raise OptionError(
                f"{self._owner}: the schedule gave {rate!r} for {self._unit} {count}, and a learning rate is a number "
                "that is 0 or more."
            )
        return number


class Decay:
    """The rates from which the training began, times a factor that falls along a curve.

    Args:
        owner: who is named in errors.
        curve: its shape.
        duration: its length; None for the whole training.
        final_factor: where it ends.

    Attributes:
        first: the rates from which the training began, by group.
    """

    def __init__(self, owner: str, curve: Curve, duration: Duration | None, final_factor: float) -> None:
        self._owner = owner
        self._curve: Curve = curve
        self._duration = duration
        self._final_factor = final_factor
        self.first: dict[str, float] = {}

    def begin(self, run: RunView) -> None:
        """Take the rates from which the training begins."""
        self.first = dict(run.scheduled_lr)

    def rates(self, run: RunView) -> dict[str, float]:
        """Return the rates at this point of the curve.

        Raises:
            AttachError: the curve is to last for the whole training, and nobody knows how long that is.
        """
        factor = ramp(self._curve, 1.0, self._final_factor, done_of(self._duration or self._whole(run), run))
        return {group: rate * factor for group, rate in self.first.items()}

    def _whole(self, run: RunView) -> Duration:
        if run.total_epochs is not None:
            return Duration(run.total_epochs, "epochs")
        if run.total_steps is not None:
            return Duration(run.total_steps, "steps")
        raise AttachError(
            f"{self._owner}: schedule={self._curve!r} lasts for the whole training unless told otherwise, and nobody "
            "knows how long that is: give duration=, such as '20 epochs' or '5000 steps'."
        )


class Stepped:
    """A scheduler of the framework, or one for each optimizer, which sets the rates itself when it is stepped.

    Args:
        owner: who is named in errors.
        given: the scheduler, or a function that makes one for an optimizer.
        unit: how often to step; None for what is usual with this scheduler.

    Attributes:
        unit: how often it is stepped.
    """

    def __init__(self, owner: str, given: Any, unit: Unit | None) -> None:
        self._owner = owner
        self._make = None if _is_scheduler(given) else given
        self._schedulers = [given] if self._make is None else []
        self._asked = unit
        self.unit = self._checked_unit()

    def begin(self, run: RunView) -> None:
        """Make the schedulers, and have their state saved; in a run that only evaluates there is nothing to make.

        Raises:
            OptionError: what the function made is no scheduler.
        """
        if self._make is not None:
            self._schedulers = [self._make(optimizer) for optimizer in run.optimizers.values()]
            self.unit = self._checked_unit()
        for scheduler in self._schedulers:
            run.add_scheduler(scheduler)

    def check(self) -> None:
        """Tell whether there is anything to step, now that training begins.

        Raises:
            AttachError: there was no optimizer to make a scheduler for.
        """
        if not self._schedulers:
            raise AttachError(f"{self._owner}: this run has no optimizer to make a scheduler for.")

    def _checked_unit(self) -> Unit:
        for scheduler in self._schedulers:
            if not _is_scheduler(scheduler):
                raise OptionError(
                    f"{self._owner}: schedule(optimizer) made a {type(scheduler).__name__}, which is no scheduler."
                )
            if next(iter(inspect.signature(scheduler.step).parameters), "") == "metrics":
                raise OptionError(
                    f"{self._owner}: {type(scheduler).__name__} waits for a metric: use the callback "
                    "'reduce-lr-on-plateau', which knows the metric, and goes on where it was when the run resumes."
                )
        per_step = any(type(scheduler).__name__ in _PER_STEP for scheduler in self._schedulers)
        return self._asked or ("step" if per_step else "epoch")

    def step(self) -> None:
        """Go on by one epoch or step."""
        for scheduler in self._schedulers:
            scheduler.step()


def schedule_of(
    owner: str, given: Any, unit: Unit | None, duration: Duration | None, final_factor: float | None
) -> Function | Decay | Stepped:
    """Return what a value of the option ``schedule`` stands for.

    Raises:
        OptionError: nothing; the message says what it may be.
    """
    if isinstance(given, str):
        if given not in get_args(Curve):
            raise OptionError(
                f"{owner}: schedule={given!r}.{nearest(given, get_args(Curve))} Use 'cosine', 'linear' or "
                "'exponential', a function of the epoch, or a scheduler."
            )
        final_factor = (0.01 if given == "exponential" else 0.0) if final_factor is None else final_factor
        if given == "exponential" and final_factor == 0.0:
            raise OptionError(f"{owner}: final_factor=0.0 is never reached by equal factors: use 'linear'.")
        return Decay(owner, given, duration, final_factor)  # type: ignore[arg-type] # it is one of them
    if duration is not None or final_factor is not None:
        raise OptionError(
            f"{owner}: duration= and final_factor= belong to 'cosine', 'linear' and 'exponential'; this schedule says "
            "itself how long it lasts and where it ends."
        )
    if _is_scheduler(given) or (callable(given) and _first_parameter(given) == "optimizer"):
        return Stepped(owner, given, unit)
    if callable(given):
        return Function(owner, given, unit or "epoch")
    raise OptionError(
        f"{owner}: schedule={given!r} is a {type(given).__name__}: give a function of the epoch, a scheduler, a "
        "function that makes one of an optimizer, or 'cosine', 'linear' or 'exponential'."
    )


def _is_scheduler(one: Any) -> bool:
    return not inspect.isclass(one) and hasattr(one, "step") and hasattr(one, "state_dict")


def _first_parameter(function: Callable[..., Any]) -> str | None:
    try:
        return next(iter(inspect.signature(function).parameters), None)
    except ValueError:  # a function of C that does not tell
        return None


def _takes_rate(owner: str, function: Callable[..., Any]) -> bool:
    """Tell whether a function wants the rate beside the count: a second parameter without a default, or named so."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:  # a function of C that does not tell
        return False
    places = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    needed = [one for one in places if one.default is one.empty]
    if len(needed) > 2 or (not places and not any(one.kind is one.VAR_POSITIONAL for one in parameters)):
        taken = ", ".join(map(str, parameters))
        raise OptionError(
            f"{owner}: a schedule is called as schedule(epoch) or schedule(epoch, lr); this one takes ({taken})."
        )
    return len(places) > 1 and (len(needed) == 2 or places[1].name in ("lr", "learning_rate"))
