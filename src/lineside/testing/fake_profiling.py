"""A profiler without anything to profile."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from lineside.profiling import OperatorCost


class FakeProfiling:
    """Notes the steps that it is told; every recorded one cost half a second in an operator called ``fake``.

    Attributes:
        steps: numbers of the steps that were begun since `first`.
        options: as `profile` got them.
        running: whether nobody has stopped it yet.
    """

    def __init__(self, step: int, first: int, **options: bool) -> None:
        self.options = options
        self.running = True
        self.steps: list[int] = []
        self._step, self._first = step, first
        self._note()

    def _note(self) -> None:
        if self._step >= self._first:
            self.steps.append(self._step)

    def step(self) -> None:
        """Begin the next step."""
        self._step += 1
        self._note()

    def stop(self, trace: Path | None) -> list[OperatorCost]:
        """Stop, write an event for each step, and return the one operator."""
        self.running = False
        if trace is None:
            return []
        events = [{"name": f"step {number}", "ph": "X", "ts": number, "dur": 1} for number in self.steps]
        with gzip.open(trace, "wt", encoding="utf-8") as file:
            json.dump({"traceEvents": events}, file)
        return [OperatorCost("fake", len(self.steps), 0.5 * len(self.steps))]
