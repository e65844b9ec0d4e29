"""What each callback has to show in a host: that it does there what it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from lineside.callback import Callback
from lineside.events import Event
from lineside.ports import RunView
from lineside.registry import find
from lineside.testing.catalogue.witness import Script, Weights, Witness
from lineside.testing.requiring import require
from lineside.testing.toy import BATCHES, LEARNING_RATE, expected_values
from lineside.testing.toy_callbacks import Asks

EPOCHS = 4
"""Of a training in which a callback is tried, with the batches of `lineside.testing.toy`."""

STEPS = EPOCHS * BATCHES
_CUT = 2
"""The epoch in which a training is cut, to be resumed."""


class TriedHost(Protocol):
    """What differs between hosts; see `lineside.testing.CatalogueContract`."""

    is_line: bool
    weight_suffix: str

    def validated(self, run: RunView) -> Weights: ...
    def load_weights(self, path: Path) -> Weights: ...


class Proof:
    """One registered callback, set up in one way, in the toy training of a host.

    The same `check` holds for a training that ran through, for a second one with the same objects, and for one that
    failed in its third epoch and was resumed.

    Args:
        host: where it is tried.
        place: a directory of its own.

    Attributes:
        name: under which the callback is registered.
        variant: how it is set up, where there are several ways; as an argument is written.
        shows: what `check` sees, in words.
        options: of the callback.
        scores: of `WATCHED`, for each epoch.
        losses: of batches, by step, instead of the training's own.
        weights: whether the weights are looked at.
        leaves_with: the exit code with which the training leaves; None if it ends.
    """

    name: str
    variant: str = ""
    shows: str
    options: Mapping[str, Any] = {}
    scores: Sequence[float] = ()
    losses: Mapping[int, float] = {}
    weights: bool = False
    leaves_with: int | None = None

    def __init__(self, host: TriedHost, place: Path) -> None:
        self.host = host
        self.place = place
        self.witness = Witness(weights=self.weights, validated=host.validated)
        self.callback: Any = None

    @classmethod
    def title(cls) -> str:
        """Return name and variant."""
        return f"{cls.name}: {cls.variant}" if cls.variant else cls.name

    def make(self, **options: Any) -> Callback:
        """Return the callback."""
        return self._new(**self.options, **options)

    def _new(self, **options: Any) -> Callback:
        cls: Any = find(self.name)
        made: Callback = cls(**options)
        return made

    def helpers(self) -> list[Callback]:
        """Return callbacks that stand behind all others."""
        return []

    def callbacks(self) -> list[Callback]:
        """Return the list for a training, with a new callback in it, which lets nothing pass in silence."""
        self.callback = self.make(on_error="raise")
        return [Script(self.scores, self.losses), self.callback, self.witness, *self.helpers()]

    def make_room(self) -> None:
        """A further training with the same objects begins: take away what would be in its way."""

    def saves(self) -> list[Callback]:
        """Return what saves a checkpoint at the ends of the first two epochs."""
        return [Asks(_save, Event.EPOCH_END, epoch=epoch, name=f"saves-{epoch}") for epoch in range(_CUT)]

    def cut(self) -> list[Callback]:
        """Return what makes the training fail in its third epoch, with the first two saved."""
        return [*self.saves(), Asks(_fail, Event.BATCH_END, epoch=_CUT, batch=1, on_error="raise", name="fails")]

    def close(self) -> None:
        """Let go of what was opened to try it."""

    def check(self) -> None:
        """Look whether the callback did what it is for. Raises `AssertionError`."""
        raise NotImplementedError(f"{type(self).__name__} must define check()")

    # ---- what many checks need -----------------------------------------------------------------------------------

    def steps(self, last: int = STEPS) -> None:
        """Require that so many steps were made, each of them seen."""
        require(sorted(self.witness.rates) == list(range(1, last + 1)), f"Steps: {sorted(self.witness.rates)}")

    def rates(self, factors: Sequence[float]) -> None:
        """Require that the rates of all steps are these factors of `LEARNING_RATE`, and that the model learnt so."""
        self.steps(len(factors))
        for step, factor in enumerate(factors, start=1):
            for group, rate in self.witness.rates[step].items():
                right = factor * LEARNING_RATE
                close = abs(rate - right) <= 1e-5 * LEARNING_RATE
                require(close, f"The rate of {group!r} at step {step} is {rate:g}, not {right:g}")
        self._learnt([factor * LEARNING_RATE for factor in factors])

    def _learnt(self, rates: Sequence[float]) -> None:
        """Require the losses that plain gradient descent has with these rates: the host's own steps were made so."""
        if not self.host.is_line:
            return
        for epoch, right in enumerate(expected_values(rates)):
            for name, value in right.items():
                seen = self.witness.metrics[epoch][name]
                require(abs(seen - value) <= 1e-3 * abs(value), f"{name} of epoch {epoch} is {seen:g}, not {value:g}")

    def file(self, *parts: str, least: int = 1) -> Path:
        """Return a file in the run's directory, which must be there, with so many bytes."""
        path = self.witness.dir.joinpath(*parts)
        there = sorted(str(one.relative_to(self.witness.dir)) for one in path.parent.glob("*"))
        require(path.is_file(), f"There is no {'/'.join(parts)}, but {', '.join(there) or 'nothing'}.")
        require(path.stat().st_size >= least, f"{path.name} has {path.stat().st_size} bytes.")
        return path

    def picture(self, *parts: str) -> None:
        """Require a PNG that is more than an empty one."""
        require(self.file(*parts, least=3000).read_bytes().startswith(b"\x89PNG"), f"{parts[-1]} is no PNG.")


def _save(run: RunView) -> None:
    run.save("periodic")


def _fail(_: RunView) -> None:
    raise RuntimeError("the power went")
