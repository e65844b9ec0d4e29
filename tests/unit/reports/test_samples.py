from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lineside.reports.samples import Part, Sample, Verdict, probabilities, unpacked, verdict


def part(*values: float, whole: bool = False) -> Part:
    return Part(np.array(values, np.float32) if len(values) > 1 else np.float32(values[0]).reshape(()), whole=whole)


def packed(array: Any, *, whole: bool = False) -> dict[str, Any]:
    array = np.asarray(array, np.float32)
    return {"data": array.tobytes(), "shape": list(array.shape), "whole": whole}


INPUT = part(1.0, 2.0)


def told(target: Part | None, output: Part | None, classes: list[str] | None = None) -> Verdict:
    return verdict(Sample(INPUT, target, output), classes)


def test_samples_come_out_of_their_batches_one_by_one() -> None:
    first, second, third = unpacked([
        {"count": 2, "inputs": packed([[1, 2], [3, 4]]), "targets": packed([5, 6], whole=True), "outputs": None},
        {"count": 1, "inputs": ["a text"], "targets": None, "outputs": packed([[7, 8]])},
    ])  # fmt: skip
    assert first.input is not None
    assert first.input.values.tolist() == [1, 2]
    assert second.target is not None
    assert (second.target.number, second.target.whole, second.target.is_number) == (6.0, True, True)
    assert third.input == Part(text="a text")
    assert (first.output, third.target) == (None, None)


def test_a_batch_with_fewer_targets_than_samples_leaves_them_out() -> None:
    samples = unpacked([{"count": 2, "inputs": ["a", "b"], "targets": ["x"], "outputs": packed([[1.0]])}])
    assert samples[1].target is None
    assert samples[1].output is None


@pytest.mark.parametrize(
    ("target", "output", "classes", "expected"),
    [
        (part(1, whole=True), part(0.1, 0.7, 0.2), ["a", "b", "c"], Verdict("b", "b (0.70)", True)),
        (part(2, whole=True), part(0.1, 0.7, 0.2), None, Verdict("2", "1 (0.70)", False)),
        (part(9, whole=True), part(0.1, 0.7, 0.2), ["a", "b", "c"], Verdict("9", "b (0.70)", False)),
        (part(0, 1, 0), part(-1.0, 3.0, -1.0), ["a", "b", "c"], Verdict("b", "b (0.96)", True)),
        (None, part(0.5, 0.5), ["a", "b"], Verdict("", "a (0.50)")),
        (None, part(0.5, 0.5), None, Verdict("", "[0.5, 0.5]")),
        (part(1, whole=True), part(1, whole=True), ["a", "b"], Verdict("b", "b", True)),
        (part(1, whole=True), part(0, whole=True), ["a", "b"], Verdict("b", "a", False)),
        (part(1.25), part(1.5), None, Verdict("1.25", "1.5")),
        (part(1, whole=True), part(0.83), None, Verdict("1", "0.83")),
        (part(1.0, 2.0), part(1.5, 2.5), None, Verdict("[1, 2]", "[1.5, 2.5]")),
        (Part(text="yes"), Part(text="no"), None, Verdict("yes", "no", False)),
        (part(1, whole=True), None, None, Verdict("1", "?")),
    ],
)
def test_what_is_said_of_a_sample(
    target: Part | None, output: Part | None, classes: list[str] | None, expected: Verdict
) -> None:
    assert told(target, output, classes) == expected


def test_long_vectors_and_arrays_are_told_in_a_few_words() -> None:
    said = told(part(1, 2, 3, 4, 5), Part(np.zeros((3, 8, 8), np.float32)))
    assert said == Verdict("[1, 2, 3, 4, …]", "3 × 8 × 8")


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.25, 0.75], [0.25, 0.75]),
        ([0.0, 0.0], [0.5, 0.5]),
        ([1000.0, 0.0], [1.0, 0.0]),
        ([-1.3862944, -0.2876821], [0.25, 0.75]),
    ],
    ids=["probabilities", "equal", "huge", "logarithms"],
)
def test_scores_become_probabilities(scores: list[float], expected: list[float]) -> None:
    assert probabilities(np.array(scores, np.float32)) == pytest.approx(expected, abs=1e-6)
