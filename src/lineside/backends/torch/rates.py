"""The learning rates of optimizers: found, scheduled, scaled and set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from lineside.backends.torch.optimizers import Optimizers, groups, named
from lineside.errors import RequestRefused, nearest
from lineside.rates import Layers, check_rate


class TorchRates:
    """Reads and sets learning rates without getting into a scheduler's way.

    Where a scheduler of `torch.optim.lr_scheduler` governs a group (it leaves its mark, ``initial_lr``), a rate that is
    set becomes a factor on the scheduled rate. The factor is put on just before each ``optimizer.step()`` and taken off
    just after it, so that schedulers of every style, stepped by whomever, find the rate that they left. So it is with
    rates that callbacks schedule, and with their factors. Without a scheduler the rate is written into the group.
    `ReduceLROnPlateau` of torch leaves no mark and needs no factor: it scales the rate that it finds.
    """

    def __init__(self, optimizers: Optimizers) -> None:
        self._optimizers = named(optimizers)
        self._layers = Layers()
        self._left: dict[int, float | Tensor] = {}
        self._hooks: dict[int, list[Any]] = {}
        # Names and places of the groups, which are found once: a snapshot of every batch asks for the rates.
        self._places: list[tuple[str, Optimizer, int]] = []
        self._counts: list[int] = []

    def lr(self) -> dict[str, float]:
        """Return the rate of each group, as the optimizer uses it."""
        if self._hooks:
            return {
                name: float(self._layers.effective(name, self._found(group)))
                for name, _, group in groups(self._optimizers)
            }
        # Nothing was ever put on top: names are looked up only when there are more or fewer groups than before.
        counts = [len(optimizer.param_groups) for optimizer in self._optimizers.values()]
        if counts != self._counts:
            self._counts = counts
            self._places = [
                (name, optimizer, index)
                for optimizer_name, optimizer in self._optimizers.items()
                for index, (name, _, _) in enumerate(groups({optimizer_name: optimizer}))
            ]
        rates = {}
        for name, optimizer, index in self._places:
            rates[name] = float(optimizer.param_groups[index]["lr"])
        return rates

    def scheduled(self) -> dict[str, float]:
        """Return the rate of each group by schedule, with nothing put on top."""
        return {
            name: float(self._layers.scheduled(name, self._found(group))) for name, _, group in groups(self._optimizers)
        }

    def set(self, value: float, group: str | int | None = None) -> None:
        """Make a group's rate `value` now; what is scheduled later is scaled alike.

        Args:
            value: the rate, 0 or more.
            group: a group's name, or its index in a single optimizer; None for all groups, if their rates are equal.

        Raises:
            RequestRefused: the value is no rate, `group` names none or several that differ, or the scheduled rate is
                0, which no factor changes.
        """
        check_rate(value)
        chosen = self._chosen(group)
        if group is None:
            self._check_equal()
        for name, _, one in chosen:
            if self._is_scheduled(name, one):
                self._layers.check_scalable(name, value, self._found(one))
        for name, optimizer, one in chosen:
            if self._is_scheduled(name, one):
                self._layers.set(name, value, self._found(one))
                self._hook(optimizer)
            else:
                _write(one, value)

    def schedule(self, value: float, group: str | int | None = None) -> None:
        """Make the scheduled rate of a group, or of all, `value`; a factor that was set stays on top.

        Raises:
            RequestRefused: the value is no rate, or `group` names none.
        """
        check_rate(value)
        for name, optimizer, one in self._chosen(group):
            if _has_scheduler(one):
                self._layers.planned[name] = value
                self._hook(optimizer)
            else:
                self._layers.written.add(name)
                _write(one, value)

    def scale(self, factor: float, by: str) -> None:
        """Multiply all rates in somebody's name, until told otherwise. Raises `RequestRefused` if it is no factor."""
        self._layers.scale(factor, by)
        if factor == 1.0:
            return
        for optimizer in self._optimizers.values():
            self._hook(optimizer)

    def release(self) -> None:
        """Take everything off that stands on top; the optimizers' own rates count again."""
        for optimizer in self._optimizers.values():
            self._take_off(optimizer)
            for hook in self._hooks.pop(id(optimizer), ()):
                hook.remove()
        self._layers = Layers()

    def state_dict(self) -> dict[str, Any]:
        """Return what stands on top; the rates themselves, as scheduled, are part of the optimizer's state."""
        for optimizer in self._optimizers.values():
            self._take_off(optimizer)
        return self._layers.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put it back, after the optimizers have been restored."""
        self._layers.load_state_dict(state)
        self._left.clear()
        for name, optimizer, _ in groups(self._optimizers):
            if self._layers.on(name):
                self._hook(optimizer)

    def _chosen(self, group: str | int | None) -> list[tuple[str, Optimizer, dict[str, Any]]]:
        every = list(groups(self._optimizers))
        if not every:
            raise RequestRefused("There is no optimizer whose learning rate could be set.")
        if group is None:
            return every
        name = str(group)
        found = [one for one in every if one[0] == name]
        if not found:
            names = [name for name, _, _ in every]
            raise RequestRefused(
                f"There is no parameter group {name!r}.{nearest(name, names)} There are: {', '.join(names)}."
            )
        return found

    def _check_equal(self) -> None:
        rates = self.lr()
        if len(set(rates.values())) > 1:
            text = ", ".join(f"{name}: {rate:g}" for name, rate in rates.items())
            raise RequestRefused(
                f"The parameter groups have different learning rates ({text}): say which group you mean."
            )

    def _found(self, group: dict[str, Any]) -> float | Tensor:
        """The rate with nothing on top; within an optimizer's step that is not what stands in the group."""
        rate: float | Tensor = self._left.get(id(group), group["lr"])
        return rate

    def _is_scheduled(self, name: str, group: Mapping[str, Any]) -> bool:
        return _has_scheduler(group) or self._layers.governs(name)

    def _hook(self, optimizer: Optimizer) -> None:
        if id(optimizer) not in self._hooks:
            self._hooks[id(optimizer)] = [
                optimizer.register_step_pre_hook(self._put_on),
                optimizer.register_step_post_hook(self._take_off),
            ]

    def _put_on(self, optimizer: Optimizer, *_: Any) -> None:
        self._take_off(optimizer)  # a step that raised has left its factor on
        for name, owner, group in groups(self._optimizers):
            if owner is optimizer and self._layers.on(name):
                rate = group["lr"]
                # A tensor is written to, and not replaced: a captured graph reads this very tensor.
                self._left[id(group)] = rate.clone() if isinstance(rate, Tensor) else rate
                _write(group, self._layers.effective(name, rate))

    def _take_off(self, optimizer: Optimizer, *_: Any) -> None:
        for group in optimizer.param_groups:
            found = self._left.pop(id(group), None)
            if found is not None:
                _write(group, found)


def _has_scheduler(group: Mapping[str, Any]) -> bool:
    return "initial_lr" in group


def _write(group: dict[str, Any], rate: float | Tensor) -> None:
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate
