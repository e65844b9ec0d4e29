"""Whether two trainings came to the same end, bit for bit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lineside.cli.outcome import Outcome
from lineside.language import text


@dataclass(frozen=True, slots=True)
class Comparison:
    """One thing, as it came out of each of two trainings."""

    what: str
    resumed: str
    undisturbed: str

    @property
    def equal(self) -> bool:
        """Whether it is the same in both."""
        return self.resumed == self.undisturbed


def comparisons(resumed: Outcome, undisturbed: Outcome) -> list[Comparison]:
    """Compare the weights, the way that led to them, and the decision to stop."""
    return [
        Comparison(text("final weights", "最终权重"), resumed.weights, undisturbed.weights),
        Comparison(text("weights after the last step", "最后一步后的权重"), resumed.trained, undisturbed.trained),
        Comparison(_described(undisturbed.history), _digest(resumed.history), _digest(undisturbed.history)),
        Comparison(text("steps until the end", "总步数"), f"{resumed.steps:,}", f"{undisturbed.steps:,}"),
    ]


def _described(history: Mapping[str, Sequence[float]]) -> str:
    values = sum(map(len, history.values()))
    return text(f"history: {values} values", f"训练历史：{values} 个数值")


def _digest(history: Mapping[str, Sequence[float]]) -> str:
    # JSON writes the shortest text that gives the same bits again, so that equal texts are equal values.
    return hashlib.sha256(json.dumps(history, sort_keys=True).encode()).hexdigest()
