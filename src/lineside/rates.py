"""How a learning rate is made up: what is scheduled, and what is put on top of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from lineside.errors import RequestRefused


class RatesView(Protocol):
    """What inline callbacks see of the learning rates, and do to them at once; the part of `RunView` about rates.

    The rate that an optimizer uses is the scheduled one, times the factors of callbacks, times the factor by which
    people or callbacks have set it with `RunView.set_lr`.
    """

    @property
    def optimizers(self) -> Mapping[str, Any]:
        """The framework's own optimizers by name, a single one under the empty name; for code tied to a framework.

        There are none where a run only evaluates.
        """

    @property
    def schedulers(self) -> Sequence[str]:
        """Kinds of the schedulers that there are, such as ``CosineAnnealingLR``: the host's, its user's, added ones."""

    def add_scheduler(self, scheduler: Any) -> None:
        """Have a scheduler's state saved and resumed, by its ``state_dict``; in ``on_setup``. Who adds it steps it.

        Raises:
            RequestRefused: the host cannot.
            OptionError: it has no state.
        """

    @property
    def scheduled_lr(self) -> Mapping[str, float]:
        """Learning rate per parameter group by schedule, with nothing put on top."""

    def schedule_lr(self, value: float, group: str | int | None = None) -> None:
        """Say what the scheduled rate of a group, or of every group, is from now on.

        It is part of checkpoints. Where the host has a scheduler of its own, it takes the place of what that one says.

        Raises:
            RequestRefused: the host cannot, there is no such group, or the value is no rate.
        """

    def scale_lr(self, factor: float) -> None:
        """Multiply all scheduled rates, until the calling callback gives another factor; 1.0 ends it.

        It is not part of checkpoints: a callback gives it again in ``on_train_start``.

        Raises:
            RequestRefused: the host cannot, or the factor is negative or not finite.
        """


class HostRates(Protocol):
    """What a host does about learning rates, beside reporting and setting them; the part of `Host` about rates."""

    @property
    def optimizers(self) -> Mapping[str, Any]:
        """See `RatesView.optimizers`."""

    @property
    def schedulers(self) -> Sequence[str]:
        """See `RatesView.schedulers`."""

    def add_scheduler(self, scheduler: Any) -> None:
        """See `RatesView.add_scheduler`."""

    def scheduled_lr(self) -> Mapping[str, float]:
        """See `RatesView.scheduled_lr`."""

    def schedule_lr(self, value: float, group: str | int | None) -> None:
        """See `RatesView.schedule_lr`."""

    def scale_lr(self, factor: float, by: str) -> None:
        """See `RatesView.scale_lr`; the factors of several callbacks, given by name, are multiplied."""


class Layers:
    """What stands between the rates that a host finds in its optimizers and those that they use.

    Attributes:
        planned: rates by group that callbacks have scheduled in the place of a scheduler's.
        written: groups without a scheduler, whose rates callbacks have scheduled and the host has written down.
    """

    def __init__(self) -> None:
        self.planned: dict[str, float] = {}
        self.written: set[str] = set()
        self._scales: dict[str, float] = {}
        # As a fraction, the rate that was set over the rate that it was put on: at that rate it gives what was set to
        # the last bit, which a quotient would not.
        self._factors: dict[str, tuple[float, float]] = {}

    def on(self, group: str) -> bool:
        """Tell whether anything is put on what the host finds for a group."""
        return bool(self._scales) or group in self._factors or group in self.planned

    def governs(self, group: str) -> bool:
        """Tell whether a rate that is set for a group must be a factor, although the host has no scheduler."""
        return self.on(group) or group in self.written

    def scheduled(self, group: str, found: Any) -> Any:
        """Return the rate by schedule: a float, or what was found."""
        return self.planned.get(group, found)

    def effective(self, group: str, found: Any) -> Any:
        """Return the rate to be used; of the kind of what was found, or a float."""
        rate = self._scaled(group, found)
        if group in self._factors:
            over, under = self._factors[group]
            rate = rate / under * over
        return rate

    def scale(self, factor: float, by: str) -> None:
        """Multiply all rates, in the name of a callback. Raises `RequestRefused` if the factor is none."""
        if not (math.isfinite(factor) and factor >= 0):
            raise RequestRefused(f"{factor!r} cannot scale a learning rate: give a number that is 0 or more.")
        if factor == 1.0:
            self._scales.pop(by, None)
        else:
            self._scales[by] = factor

    def check_scalable(self, group: str, value: float, found: Any) -> None:
        """Raise `RequestRefused` where no factor leads to the value: the rate is scheduled to be 0 now."""
        if float(self._scaled(group, found)) == 0 < value:
            raise RequestRefused(
                f"The scheduled learning rate of group {group!r} is 0 at this step, as in the first step of a "
                "warm-up, and no factor makes that another rate. Ask again when the schedule has left 0."
            )

    def set(self, group: str, value: float, found: Any) -> None:
        """Keep a factor that makes the rate `value` now."""
        self._factors[group] = (value, float(self._scaled(group, found)) or 1.0)

    def _scaled(self, group: str, found: Any) -> Any:
        rate = self.scheduled(group, found)
        return rate * math.prod(self._scales.values()) if self._scales else rate

    def state_dict(self) -> dict[str, Any]:
        """Return what is part of a checkpoint, as plain data: all but the factors of callbacks."""
        factors = {group: list(factor) for group, factor in self._factors.items()}
        return {"factors": factors, "planned": dict(self.planned), "written": sorted(self.written)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._factors = {group: (float(over), float(under)) for group, (over, under) in state["factors"].items()}
        self.planned = dict(state["planned"])
        self.written = set(state["written"])


def check_rate(value: float) -> None:
    """Raise `RequestRefused` for what is no learning rate."""
    if not (math.isfinite(value) and value >= 0):
        raise RequestRefused(f"{value!r} is no learning rate: give a number that is 0 or more.")
