"""A host without a model: for loops in no known framework, whose callbacks log, watch and stop."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from lineside.errors import OptionError, RequestRefused
from lineside.events import Event
from lineside.metrics import Scalar
from lineside.ports import BatchSource, Capabilities, Capability, HostState, ModelPort, SavedState, Stage, TensorWriter

LOOP_EVENTS = frozenset(Event) - {Event.EXPORT_START, Event.EXPORT_END}
_NO_MODEL = "this run has no model: pass model= and optimizer= to Run"


class ReplayedSource:
    """Any iterable; a resumed epoch is entered by reading past the batches that are over."""

    def __init__(self, loader: Iterable[Any]) -> None:
        if not isinstance(loader, Iterable):
            raise OptionError(f"run.batches({loader!r}): a {type(loader).__name__} cannot be iterated.")
        self._loader = loader

    @property
    def length(self) -> int | None:
        """Batches per epoch, where known."""
        return len(self._loader) if isinstance(self._loader, Sized) else None

    @property
    def inexact_reason(self) -> str | None:
        """An iterator cannot be read twice."""
        return "the data is an iterator, which cannot be read twice" if iter(self._loader) is self._loader else None

    @property
    def workers(self) -> None:
        """An iterable does not tell."""

    def batches(self, epoch: int, skip: int = 0) -> Iterator[Any]:
        """Yield the batches of an epoch, without the first `skip`."""
        return islice(iter(self._loader), skip, None)

    def state(self) -> None:
        """An iterable does not know where it is."""

    def load_state(self, state: Mapping[str, Any] | None) -> None:
        """Nothing to put back."""


class PlainHost:
    """A loop that Lineside knows nothing about, except what is logged."""

    def __init__(self, validate: Callable[[], None] | None = None) -> None:
        self.name = "loop"
        self.optimizers: Mapping[str, Any] = {}
        self.schedulers: Sequence[str] = ()
        self._validate = validate
        abilities: set[Capability] = {"pause", "batch_data", "resume_in_epoch"}
        if validate is not None:
            abilities.add("validate")
        reasons = dict.fromkeys(
            (
                "model",
                "gradients",
                "set_lr",
                "schedule_lr",
                "rehearse",
                "trials",
                "average",
                "freeze",
                "update_bn",
                "restore",
                "profile",
                "saved_model",
                Event.BACKWARD_END.hook,
            ),
            _NO_MODEL,
        )
        if validate is None:
            reasons["validate"] = "pass validate=, a function that runs a validation, to Run"
        self.capabilities = Capabilities(LOOP_EVENTS - {Event.BACKWARD_END}, frozenset(abilities), reasons)

    @property
    def model(self) -> ModelPort:
        """Refused: there is none."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise RequestRefused(_NO_MODEL)

    def watch(self, gradients_ready: Callable[..., None] | None, stepped: Callable[..., None]) -> None:
        """Nothing to watch: the loop calls `Run.stepped`."""

    def unwatch(self) -> None:
        """Nothing was watched."""

    def freeze(self, scalar: Any) -> Scalar:
        """Read a number at once."""
        return float(scalar.item() if hasattr(scalar, "item") else scalar)

    def freeze_all(self, scalars: Sequence[Any]) -> None:
        """Numbers are looked at one by one."""

    def read(self, scalars: Sequence[Scalar]) -> list[float]:
        """Read numbers."""
        return [float(scalar) for scalar in scalars]

    def lr(self) -> Mapping[str, float]:
        """No optimizer, no rates."""
        return {}

    def set_lr(self, value: float, group: str | int | None) -> None:
        """Refused: there is no optimizer."""
        self._refuse()

    def add_scheduler(self, scheduler: Any) -> None:
        """Refused: there is no optimizer."""
        self._refuse()

    def scheduled_lr(self) -> Mapping[str, float]:
        """No optimizer, no rates."""
        return {}

    def schedule_lr(self, value: float, group: str | int | None) -> None:
        """Refused: there is no optimizer."""
        self._refuse()

    def scale_lr(self, factor: float, by: str) -> None:
        """Refused: there is no optimizer."""
        self._refuse()

    def rehearsal(self) -> NoReturn:
        """Refused: what a model does cannot be undone without it."""
        self._refuse()

    def trials(self) -> NoReturn:
        """Refused: there is no model that could make a step."""
        self._refuse()

    def seed(self, seed: int) -> None:
        """Seed Python's generator."""
        random.seed(seed)

    def source(self, loader: Any, seed: int, purpose: Stage) -> BatchSource:
        """Replay any iterable."""
        return ReplayedSource(loader)

    array = None  # a batch may be anything

    def batch_size(self, batch: Any) -> int:
        """Return the length of the batch, or of the first part that has one; 1 where nothing tells."""
        return _samples(batch)

    def generators(self) -> HostState:
        """Return the state of Python's generator."""
        version, state, gauss = random.getstate()
        return HostState({}, {"rank-0/generators.json": [version, list(state), gauss]})

    def restore_generators(self, saved: SavedState) -> None:
        """Put the state of Python's generator back."""
        version, state, gauss = saved.document("rank-0/generators.json")
        random.setstate((version, tuple(state), gauss))

    def capture(self) -> HostState:
        """Nothing but the run itself."""
        return HostState({}, {})

    def restore(self, saved: SavedState, weights_only: bool = False) -> None:
        """Nothing to restore; weights alone are refused."""
        if weights_only:
            self._refuse()

    def go_back(self, saved: SavedState, *, same_epoch: bool) -> None:
        """Nothing to put back."""

    def validate(self) -> None:
        """Run the validation that was given."""
        if self._validate is None:
            raise RequestRefused(self.capabilities.reasons["validate"])
        self._validate()

    def tensor_file(self, tensors: Mapping[str, Any]) -> TensorWriter:
        """Refused: tensors of which library?"""
        self._refuse()

    def read_tensors(self, path: Path) -> Mapping[str, Any]:
        """Refused, as `tensor_file` is."""
        self._refuse()

    def check_weight_suffix(self, suffix: str) -> None:
        """Refused: there are no weights."""
        raise OptionError(f"A weight file with suffix {suffix!r} cannot be written: {_NO_MODEL}.")

    def weight_file(self, suffix: str, over: Mapping[str, Any] | None = None) -> TensorWriter:
        """Refused: there are no weights."""
        self._refuse()


def _samples(batch: Any) -> int:
    if isinstance(batch, (int, float)):
        return 1
    parts = list(batch.values()) if isinstance(batch, Mapping) else batch
    if isinstance(parts, (tuple, list)) and parts:
        is_text = isinstance(parts[0], (str, bytes))
        if isinstance(batch, (tuple, Mapping)) or (hasattr(parts[0], "__len__") and not is_text):
            return _samples(parts[0])
    try:
        return 1 if isinstance(batch, (str, bytes)) else len(batch)
    except TypeError:  # an array without axes
        return 1
