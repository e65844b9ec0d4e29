"""Durations: counts that carry a unit, and the trigger that fires once per crossed multiple."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol

from lineside.errors import OptionError, nearest

Unit = Literal["epochs", "steps", "batches", "samples", "seconds"]

_COUNTS: dict[str, Unit] = {"epoch": "epochs", "step": "steps", "batch": "batches", "sample": "samples"}
_SECONDS = {
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "day": 86400.0,
}
_PATTERN = re.compile(r"\s*(\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*([a-z]+)\s*", re.IGNORECASE)
_EXAMPLES = "'3 epochs', '500 steps', '10 min', '1.5 h'"


class Progress(Protocol):
    """What a duration is measured against; a run is one."""

    @property
    def epochs_done(self) -> int: ...
    @property
    def step(self) -> int: ...
    @property
    def batches_done(self) -> int: ...
    @property
    def samples(self) -> int: ...
    @property
    def elapsed(self) -> float: ...


_READ: dict[Unit, Callable[[Progress], float]] = {
    "epochs": lambda progress: progress.epochs_done,
    "steps": lambda progress: progress.step,
    "batches": lambda progress: progress.batches_done,
    "samples": lambda progress: progress.samples,
    "seconds": lambda progress: progress.elapsed,
}


@dataclass(frozen=True, slots=True)
class Duration:
    """A positive amount of training: epochs, optimizer steps, batches, samples, or seconds of wall time."""

    amount: float
    unit: Unit

    @classmethod
    def parse(cls, text: str | timedelta | Duration, option: str = "duration") -> Duration:
        """Read ``"3 epochs"``, ``"500 steps"``, ``"10 min"`` or a `timedelta`.

        Raises:
            OptionError: there is no unit, an unknown unit, or the amount is not positive. A bare number is refused:
                what it counts differs between frameworks.
        """
        if isinstance(text, Duration):
            return text
        if isinstance(text, timedelta):
            return cls._checked(text.total_seconds(), "seconds", option, text)
        if not isinstance(text, str) or (match := _PATTERN.fullmatch(text)) is None:
            raise OptionError(f"{option}={text!r} is not a duration: give a number with a unit, such as {_EXAMPLES}.")
        amount, word = float(match[1]), match[2].lower()
        for spelling in (word, word.removesuffix("s"), word.removesuffix("es")):
            if spelling in _COUNTS:
                if not amount.is_integer():
                    raise OptionError(f"{option}={text!r}: {_COUNTS[spelling]} are counted in whole numbers.")
                return cls._checked(int(amount), _COUNTS[spelling], option, text)
            if spelling in _SECONDS:
                return cls._checked(amount * _SECONDS[spelling], "seconds", option, text)
        known = [*_COUNTS.values(), *_SECONDS]
        raise OptionError(f"{option}={text!r}: unknown unit {word!r}.{nearest(word, known)} Examples: {_EXAMPLES}.")

    @classmethod
    def _checked(cls, amount: float, unit: Unit, option: str, given: object) -> Duration:
        if not 0 < amount < math.inf:
            raise OptionError(f"{option}={given!r} must be positive and finite.")
        return cls(amount, unit)

    def measure(self, progress: Progress) -> float:
        """Return how much of this unit a run has done, across its attempts."""
        return _READ[self.unit](progress)

    def __str__(self) -> str:
        """Return a text that `parse` reads back."""
        amount = int(self.amount) if float(self.amount).is_integer() else self.amount
        return f"{amount} {'s' if self.unit == 'seconds' else self.unit}"


class Trigger:
    """Fires once for each multiple of a duration that a run crosses, however large the stride between looks.

    Its mark is part of a callback's state, so that a resumed run fires where the uninterrupted one does.
    """

    __slots__ = ("duration", "mark")

    def __init__(self, duration: Duration) -> None:
        self.duration = duration
        self.mark = 0

    def fires(self, progress: Progress) -> bool:
        """Tell whether a multiple was crossed since this was last asked."""
        crossed = self._crossed(progress)
        if crossed <= self.mark:
            return False
        self.mark = crossed
        return True

    def skip(self, progress: Progress) -> None:
        """Take every multiple that was crossed before for seen: a trigger that joins a run on its way begins here."""
        self.mark = self._crossed(progress)

    def _crossed(self, progress: Progress) -> int:
        return int(self.duration.measure(progress) // self.duration.amount)
