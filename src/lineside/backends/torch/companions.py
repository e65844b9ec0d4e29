"""What trains beside model and optimizer: schedulers, gradient scaler, metrics, and objects that the user names."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from lineside.backends.torch import metric_state
from lineside.backends.torch.document import joined, packed, unpacked
from lineside.errors import OptionError, StateMismatch
from lineside.ports import HostState, SavedState

log = logging.getLogger("lineside")


class Stateful(Protocol):
    """Anything that can say and take back what it is."""

    def state_dict(self) -> Any:
        """Return the state."""
        ...

    def load_state_dict(self, state_dict: Any) -> Any:
        """Take a state back."""
        ...


class Companions:
    """Objects whose state goes into a checkpoint by their own `state_dict`.

    Args:
        schedulers: of the learning rate, in a fixed order.
        scaler: the gradient scaler of mixed precision, or None.
        extras: further objects by name.
        metrics: metric objects by name, with what they have accumulated.

    Raises:
        OptionError: one of them has no state to be saved.
    """

    def __init__(
        self,
        schedulers: Sequence[Stateful],
        scaler: Stateful | None,
        extras: Mapping[str, Stateful],
        metrics: Mapping[str, Any],
    ) -> None:
        self.schedulers: list[Stateful] = []
        for scheduler in schedulers:
            self.add_scheduler(scheduler)
        for name, extra in extras.items():
            _check_stateful(f"extras[{name!r}]", extra)
        for name, metric in metrics.items():
            metric_state.check_metric(name, metric)
        self._scaler = scaler
        self._extras = extras
        self._metrics = metrics

    def add_scheduler(self, scheduler: Stateful) -> None:
        """Take one more, behind the others. Raises `OptionError` if it has no state to be saved."""
        _check_stateful("scheduler", scheduler)
        self.schedulers.append(scheduler)

    def capture(self) -> HostState:
        """Copy all states."""
        schedulers = [{"kind": type(one).__name__, "state": one.state_dict()} for one in self.schedulers]
        scaler = None if self._scaler is None else self._scaler.state_dict()
        extras = {name: extra.state_dict() for name, extra in self._extras.items()}
        metrics = {name: metric_state.capture(metric) for name, metric in self._metrics.items()}
        return joined(
            packed("schedulers", {"schedulers": schedulers, "scaler": scaler or None}),
            packed("extras", extras),
            packed("metrics", metrics),
        )

    def read(self, saved: SavedState) -> dict[str, Any]:
        """Read the states and check them, without changing anything.

        Raises:
            StateMismatch: schedulers, scaler or a metric are others than when the checkpoint was made.
        """
        state = {
            **unpacked("schedulers", saved),
            "extras": unpacked("extras", saved),
            "metrics": unpacked("metrics", saved),
        }
        then, now = [one["kind"] for one in state["schedulers"]], [type(one).__name__ for one in self.schedulers]
        if then != now:
            raise StateMismatch(f"The checkpoint was made with {_named(then)}; this run has {_named(now)}.")
        scaling = self._scaler is not None and bool(self._scaler.state_dict())
        if (state["scaler"] is not None) != scaling:
            which = ("without", "with") if scaling else ("with", "without")
            raise StateMismatch(
                f"The checkpoint was made {which[0]} a gradient scaler; this run is {which[1]} one. Use the same "
                "precision."
            )
        for name in self._metrics.keys() & state["metrics"].keys():
            metric_state.check(name, self._metrics[name], state["metrics"][name])
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put back what `read` returned; extras and metrics that are new keep the state that they have."""
        for scheduler, saved in zip(self.schedulers, state["schedulers"], strict=True):
            scheduler.load_state_dict(saved["state"])
            if (optimizer := getattr(scheduler, "optimizer", None)) is not None:
                # It has stepped, in an earlier attempt; torch would warn that the scheduler steps before it.
                optimizer._opt_called = True  # noqa: SLF001 - nothing public does it
        self.go_back(state, same_epoch=True)

    def go_back(self, state: Mapping[str, Any], *, same_epoch: bool) -> None:
        """Put back what `read` returned, but for the schedulers, which go on.

        Args:
            state: from `read`.
            same_epoch: metrics go on from what they had counted then; otherwise they start anew.
        """
        if self._scaler is not None and state["scaler"] is not None:
            self._scaler.load_state_dict(state["scaler"])
        for name in _both("extras", self._extras, state["extras"]):
            self._extras[name].load_state_dict(state["extras"][name])
        for name in _both("metrics", self._metrics, state["metrics"]):
            if same_epoch:
                metric_state.restore(self._metrics[name], state["metrics"][name])
            else:
                self._metrics[name].reset()


def _check_stateful(option: str, one: object) -> None:
    if not (hasattr(one, "state_dict") and hasattr(one, "load_state_dict")):
        raise OptionError(f"{option}= got a {type(one).__name__}, which lacks state_dict() and load_state_dict().")


def _both(what: str, here: Mapping[str, Any], saved: Mapping[str, Any]) -> list[str]:
    new, left = [name for name in here if name not in saved], [name for name in saved if name not in here]
    if new or left:
        log.warning("Restored %s; new here: %s; left in the checkpoint: %s.", what, new or "none", left or "none")
    return [name for name in here if name in saved]


def _named(kinds: Sequence[str]) -> str:
    return f"scheduler {', '.join(kinds)}" if kinds else "no scheduler"
