"""The learning rates of optimizers, and factors on what their schedulers say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from lineside.backends.torch.optimizers import Optimizers, groups, named
from lineside.errors import RequestRefused, nearest


class TorchRates:
    """Reads and sets learning rates without getting into a scheduler's way.

    Where a scheduler of `torch.optim.lr_scheduler` governs a group (it leaves its mark, ``initial_lr``), a rate that is
    set becomes a factor on the scheduled rate. The factor is put on just before each ``optimizer.step()`` and taken off
    just after it, so that schedulers of every style, stepped by whomever, find the rate that they left. Without a
    scheduler the rate is written into the group. `ReduceLROnPlateau` of torch leaves no mark and needs no factor: it
    scales the rate that it finds.
    """

    def __init__(self, optimizers: Optimizers) -> None:
        self._optimizers = named(optimizers)
        # As a fraction, the rate that was set over the rate that was scheduled then: at that rate it gives what was
        # set to the last bit, which a quotient would not.
        self._factors: dict[str, tuple[float, float]] = {}
        self._scheduled: dict[int, float | Tensor] = {}
        self._hooked: set[int] = set()

    def lr(self) -> dict[str, float]:
        """Return the rate of each group, as the optimizer uses it."""
        return {name: self._effective(name, group) for name, _, group in groups(self._optimizers)}

    def set(self, value: float, group: str | int | None = None) -> None:
        """Make a group's rate `value` now; what is scheduled later is scaled alike.

        Args:
            value: the rate, 0 or more.
            group: a group's name, or its index in a single optimizer; None for all groups, if their rates are equal.

        Raises:
            RequestRefused: the value is no rate, `group` names none or several that differ, or the scheduled rate is
                0, which no factor changes.
        """
        if not (math.isfinite(value) and value >= 0):
            raise RequestRefused(f"{value!r} is no learning rate: give a number that is 0 or more.")
        chosen = self._chosen(group)
        for name, _, one in chosen:
            if _is_scheduled(one) and float(self._base(one)) == 0 < value:
                raise RequestRefused(
                    f"The scheduled learning rate of group {name!r} is 0 at this step, as in the first step of a "
                    "warm-up, and no factor makes that another rate. Ask again when the schedule has left 0."
                )
        for name, optimizer, one in chosen:
            if _is_scheduled(one):
                self._factors[name] = (value, float(self._base(one)) or 1.0)
                self._hook(optimizer)
            else:
                _write(one, value)

    def state_dict(self) -> dict[str, Any]:
        """Return the factors; the rates themselves, as scheduled, are part of the optimizer's state."""
        for optimizer in self._optimizers.values():
            self._take_off(optimizer)
        return {"factors": {name: list(factor) for name, factor in self._factors.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put the factors back, after the optimizers have been restored."""
        self._factors = {name: (float(over), float(under)) for name, (over, under) in state["factors"].items()}
        self._scheduled.clear()
        for name, optimizer, _ in groups(self._optimizers):
            if name in self._factors:
                self._hook(optimizer)

    def _chosen(self, group: str | int | None) -> list[tuple[str, Optimizer, dict[str, Any]]]:
        every = list(groups(self._optimizers))
        if not every:
            raise RequestRefused("There is no optimizer whose learning rate could be set.")
        if group is not None:
            name = str(group)
            found = [one for one in every if one[0] == name]
            if not found:
                names = [name for name, _, _ in every]
                raise RequestRefused(
                    f"There is no parameter group {name!r}.{nearest(name, names)} There are: {', '.join(names)}."
                )
            return found
        rates = self.lr()
        if len(set(rates.values())) > 1:
            text = ", ".join(f"{name}: {rate:g}" for name, rate in rates.items())
            raise RequestRefused(
                f"The parameter groups have different learning rates ({text}): say which group you mean."
            )
        return every

    def _base(self, group: dict[str, Any]) -> float | Tensor:
        """The rate without the factor; within an optimizer's step that is not what stands in the group."""
        base: float | Tensor = self._scheduled.get(id(group), group["lr"])
        return base

    def _effective(self, name: str, group: dict[str, Any]) -> float:
        base = float(self._base(group))
        return _scaled(base, self._factors[name]) if name in self._factors and _is_scheduled(group) else base

    def _hook(self, optimizer: Optimizer) -> None:
        if id(optimizer) not in self._hooked:
            self._hooked.add(id(optimizer))
            optimizer.register_step_pre_hook(self._put_on)
            optimizer.register_step_post_hook(self._take_off)

    def _put_on(self, optimizer: Optimizer, *_: Any) -> None:
        self._take_off(optimizer)  # a step that raised has left its factor on
        for name, owner, group in groups(self._optimizers):
            factor = self._factors.get(name)
            if owner is optimizer and factor is not None and _is_scheduled(group):
                rate = group["lr"]
                # A tensor is written to, and not replaced: a captured graph reads this very tensor.
                self._scheduled[id(group)] = rate.clone() if isinstance(rate, Tensor) else rate
                _write(group, _scaled(rate, factor))

    def _take_off(self, optimizer: Optimizer, *_: Any) -> None:
        for group in optimizer.param_groups:
            scheduled = self._scheduled.pop(id(group), None)
            if scheduled is not None:
                _write(group, scheduled)


def _is_scheduled(group: Mapping[str, Any]) -> bool:
    return "initial_lr" in group


def _write(group: dict[str, Any], rate: float | Tensor) -> None:
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def _scaled(rate: Any, factor: tuple[float, float]) -> Any:
    over, under = factor
    return rate / under * over
