"""The learning rates of a run without an optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineside.errors import RequestRefused
from lineside.rates import Layers, check_rate


class FakeRates:
    """Named numbers that are scheduled, scaled and set as those of an optimizer are.

    Args:
        found: the rate of each group, as the optimizer was made.
        has_scheduler: whether the host has a scheduler, so that a rate that is set becomes a factor.
    """

    def __init__(self, found: Mapping[str, float], *, has_scheduler: bool) -> None:
        self._found = dict(found)
        self._has_scheduler = has_scheduler
        self._layers = Layers()

    def lr(self) -> dict[str, float]:
        """Return the rate of each group, as it would be used."""
        return {group: self._layers.effective(group, found) for group, found in self._found.items()}

    def scheduled(self) -> dict[str, float]:
        """Return the rate of each group by schedule."""
        return {group: self._layers.scheduled(group, found) for group, found in self._found.items()}

    def set(self, value: float, group: str | int | None) -> None:
        """Make a group's rate `value`, or that of all if they are equal. Raises `RequestRefused`."""
        check_rate(value)
        if group is None and len(set(self.lr().values())) > 1:
            raise RequestRefused(f"group={group!r}: there is {', '.join(self._found)}")
        for one in self._chosen(group):
            if self._has_scheduler or self._layers.governs(one):
                self._layers.check_scalable(one, value, self._found[one])
                self._layers.set(one, value, self._found[one])
            else:
                self._found[one] = value

    def schedule(self, value: float, group: str | int | None) -> None:
        """Make the scheduled rate of a group, or of all, `value`. Raises `RequestRefused`."""
        check_rate(value)
        for one in self._chosen(group):
            if self._has_scheduler:
                self._layers.planned[one] = value
            else:
                self._layers.written.add(one)
                self._found[one] = value

    def scale(self, factor: float, by: str) -> None:
        """Multiply all rates in a callback's name. Raises `RequestRefused`."""
        self._layers.scale(factor, by)

    def _chosen(self, group: str | int | None) -> list[str]:
        if group is not None and str(group) not in self._found:
            raise RequestRefused(f"group={group!r}: there is {', '.join(self._found)}")
        return list(self._found) if group is None else [str(group)]

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint would hold."""
        return {"found": dict(self._found), "layers": self._layers.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put it back."""
        self._found = dict(state["found"])
        self._layers.load_state_dict(state["layers"])
