"""The learning rate of a Keras optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lineside.errors import RequestRefused
from lineside.rates import Layers, check_rate

GROUP = "0"
"""Keras has one rate an optimizer."""


class KerasRates:
    """Reads and sets the rate; a schedule object leaves no room for another one.

    Args:
        optimizer: of Keras, or None.
        synchronise: has JAX's own copy of the rate put into the optimizer.
    """

    def __init__(self, optimizer: Any, synchronise: Callable[[], None]) -> None:
        self._optimizer = optimizer
        self._synchronise = synchronise
        self._layers = Layers()
        self._found: float | None = None

    @property
    def follows(self) -> str | None:
        """The kind of schedule that the optimizer follows; None where it has a number."""
        # The wrapper of mixed precision has no rate of its own.
        optimizer = getattr(self._optimizer, "inner_optimizer", self._optimizer)
        rate = getattr(optimizer, "_learning_rate", None)
        return None if rate is None or hasattr(rate, "assign") else getattr(rate, "__name__", type(rate).__name__)

    def lr(self) -> dict[str, float]:
        """Return the rate; reading it waits for the device."""
        return {} if self._optimizer is None else {GROUP: self._now()}

    def _now(self) -> float:
        from keras import ops

        self._synchronise()
        # A variable of several replicas is no number, and a schedule gives a tensor.
        return float(ops.convert_to_numpy(ops.convert_to_tensor(self._optimizer.learning_rate)))

    def scheduled(self) -> dict[str, float]:
        """Return the rate with nothing put on top."""
        return {} if self._optimizer is None else {GROUP: float(self._layers.scheduled(GROUP, self._base()))}

    def _base(self) -> float:
        return self._now() if self._found is None else self._found

    def set(self, value: float, group: str | int | None) -> None:
        """Make the rate `value` now. Raises `RequestRefused`."""
        check_rate(value)
        self._check(group)
        if self._layers.governs(GROUP):
            self._layers.check_scalable(GROUP, value, self._base())
            self._layers.set(GROUP, value, self._base())
            self._write()
        else:
            self._synchronise()
            self._optimizer.learning_rate = value

    def schedule(self, value: float, group: str | int | None) -> None:
        """Say what the scheduled rate is from now on. Raises `RequestRefused`."""
        check_rate(value)
        self._check(group)
        self._keep()
        self._layers.written.add(GROUP)
        self._layers.planned[GROUP] = value
        self._write()

    def scale(self, factor: float, by: str) -> None:
        """Multiply the scheduled rate. Raises `RequestRefused`."""
        self._check(None)
        self._keep()
        self._layers.scale(factor, by)
        self._write()

    def _keep(self) -> None:
        if self._found is None:
            self._found = self._now()

    def _write(self) -> None:
        self._synchronise()
        self._optimizer.learning_rate = float(self._layers.effective(GROUP, self._base()))

    def _check(self, group: str | int | None) -> None:
        if self._optimizer is None:
            raise RequestRefused("There is no optimizer whose learning rate could be set.")
        if group is not None and str(group) != GROUP:
            raise RequestRefused(f"There is no parameter group {group!r}: an optimizer of Keras has one, {GROUP!r}.")
        if self.follows is not None:
            raise RequestRefused(
                f"The optimizer follows the schedule {self.follows}, which Keras reads at every step and which "
                "nothing can be put on top of: give the optimizer a number, and the schedule as a callback."
            )

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Keep the rate, and what is put on top, while the optimizer is put back; a schedule reads its own steps."""
        state, rate = self.state_dict(), self.lr()
        yield
        self.load_state_dict(state)
        if rate and self.follows is None:
            self._optimizer.learning_rate = rate[GROUP]

    def state_dict(self) -> dict[str, Any]:
        """Return what is put on top, as plain data."""
        return {**self._layers.state_dict(), "found": self._found}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned, after the optimizer's variables."""
        self._layers.load_state_dict(state)
        self._found = state["found"]
