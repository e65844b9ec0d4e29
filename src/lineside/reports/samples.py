"""Samples with their targets and predictions, and what is to be said of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Part:
    """The input, the target or the output of one sample: numbers, or a text."""

    values: Values | None = None
    text: str = ""
    whole: bool = False

    @property
    def is_number(self) -> bool:
        """Whether it is a single number."""
        return self.values is not None and self.values.size == 1

    @property
    def number(self) -> float:
        """The single number."""
        return float(self.values.reshape(-1)[0]) if self.values is not None else float("nan")


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample; a target or an output that is missing, or too large to be shown, is None."""

    input: Part | None
    target: Part | None
    output: Part | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of a sample in words.

    Attributes:
        target: what it should be; empty where nobody knows.
        predicted: what the model says.
        right: whether these agree; None where that is no question of yes or no.
    """

    target: str
    predicted: str
    right: bool | None = None


def unpacked(taken: Sequence[Mapping[str, Any]]) -> list[Sample]:
    """Return the samples of several batches, as `PredictionSamples` takes them."""
    return [
        Sample(*(_part(batch[name], index) for name in ("inputs", "targets", "outputs")))
        for batch in taken
        for index in range(batch["count"])
    ]


def _part(packed: Any, index: int) -> Part | None:
    if packed is None:
        return None
    if isinstance(packed, (list, tuple)):
        return Part(text=packed[index]) if index < len(packed) else None
    values = np.frombuffer(packed["data"], np.float32).reshape(packed["shape"])
    return Part(values[index], whole=packed["whole"]) if index < len(values) else None


def verdict(sample: Sample, classes: Sequence[str] | None) -> Verdict:
    """Return what is said of a sample: classes and a probability, numbers, or texts."""
    target, output = sample.target, sample.output
    if output is None:
        return Verdict(_words(target, classes), "?")
    if _is_of_class(sample, classes):
        scores = probabilities(output.values)
        guess = int(scores.argmax())
        predicted = f"{_name(guess, classes)} ({scores[guess]:.2f})"
        if target is None:
            return Verdict("", predicted)
        actual = int(target.number) if target.is_number else int(_values(target).argmax())
        return Verdict(_name(actual, classes), predicted, actual == guess)
    words = _words(target, classes), _words(output, classes)
    comparable = target is not None and (output.whole or output.values is None)
    return Verdict(*words, words[0] == words[1] if comparable else None)


def probabilities(scores: Values | None) -> Values:
    """Return scores as probabilities: as they are if they add up to 1, else their softmax."""
    given = _values(Part(scores))
    if (given >= 0).all() and abs(float(given.sum()) - 1) < 1e-3:
        return given
    shifted = np.exp(given - given.max())
    found: Values = shifted / shifted.sum()
    return found


def _is_of_class(sample: Sample, classes: Sequence[str] | None) -> bool:
    """Tell whether the output holds a score for each class."""
    target, output = sample.target, sample.output
    if output is None or output.values is None or output.values.ndim != 1 or output.values.size < 2 or output.whole:
        return False
    if target is None:
        return classes is not None
    if target.is_number:
        return target.whole
    given = _values(target)
    return given.shape == output.values.shape and bool(np.isin(given, (0, 1)).all() and given.sum() == 1)


def _values(part: Part) -> Values:
    return part.values if part.values is not None else np.zeros(0, np.float32)


def _name(number: int, classes: Sequence[str] | None) -> str:
    return classes[number] if classes is not None and 0 <= number < len(classes) else str(number)


def _words(part: Part | None, classes: Sequence[str] | None) -> str:
    """Return a part in a few words."""
    if part is None:
        return ""
    if part.values is None:
        return part.text
    if part.is_number:
        return _name(int(part.number), classes) if part.whole else f"{part.number:.4g}"
    if part.values.ndim == 1:
        more = ", …" if part.values.size > 4 else ""
        return f"[{', '.join(f'{value:.3g}' for value in part.values[:4])}{more}]"
    return " × ".join(map(str, part.values.shape))
