from __future__ import annotations

from typing import Any

import pytest
import torch

from lineside.backends.torch.confusion import confusion
from lineside.backends.torch.model import TorchModel
from lineside.errors import OptionError

SCORES = torch.tensor([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.0, 0.6, 0.4], [0.1, 0.2, 0.7]])
"""Predicted: 0, 1, 1, 2."""


def matrix(counts: torch.Tensor) -> list[list[int]]:
    size = round((len(counts) - 1) ** 0.5)
    return counts[:-1].reshape(size, size).tolist()


def test_scores_of_classes_are_counted() -> None:
    counts = confusion(SCORES, torch.tensor([0, 1, 2, 2]))
    assert matrix(counts) == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]
    assert counts.dtype == torch.long
    assert counts[-1] == 0


def test_batches_are_added_in_place() -> None:
    counts = confusion(SCORES, torch.tensor([0, 1, 2, 2]))
    again = confusion(SCORES[:1], torch.tensor([2]), counts)
    assert again is counts
    assert matrix(counts) == [[1, 0, 0], [0, 1, 0], [1, 1, 1]]


@pytest.mark.parametrize(
    ("outputs", "targets", "options", "expected"),
    [
        (
            SCORES,
            torch.nn.functional.one_hot(torch.tensor([0, 1, 2, 2]), 3).float(),
            {},
            [[1, 0, 0], [0, 1, 0], [0, 1, 1]],
        ),
        (SCORES, [0, 1, 2, 2], {}, [[1, 0, 0], [0, 1, 0], [0, 1, 1]]),
        (SCORES, torch.tensor([[0], [1], [2], [2]]), {}, [[1, 0, 0], [0, 1, 0], [0, 1, 1]]),
        (torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), {"classes": 2}, [[1, 1], [0, 1]]),
        (torch.tensor([-2.0, 0.5, 3.0]), torch.tensor([0, 0, 1]), {"threshold": 0.0}, [[1, 1], [0, 1]]),
        (torch.tensor([[0.2], [0.5], [0.8]]), torch.tensor([0.0, 1.0, 1.0]), {"threshold": 0.5}, [[1, 0], [1, 1]]),
        (torch.tensor([[0.1, 0.9]]), torch.tensor([True]), {}, [[0, 0], [0, 1]]),
    ],
    ids=["one-hot", "list", "column", "numbers", "logits", "probabilities", "truth"],
)
def test_outputs_and_targets_come_in_many_forms(
    outputs: Any, targets: Any, options: dict[str, Any], expected: list[list[int]]
) -> None:
    assert matrix(confusion(outputs, targets, **options)) == expected


def test_pixels_are_samples() -> None:
    outputs = torch.zeros(2, 3, 4, 5)
    outputs[:, 1] = 1.0
    targets = torch.zeros(2, 4, 5, dtype=torch.long)
    targets[0] = 1
    assert matrix(confusion(outputs, targets)) == [[0, 20, 0], [0, 20, 0], [0, 0, 0]]


def test_what_is_none_of_the_classes_is_passed_over_and_counted() -> None:
    counts = confusion(SCORES, torch.tensor([-100, 255, 3, 2]))
    assert matrix(counts) == [[0, 0, 0], [0, 0, 0], [0, 0, 1]]
    assert counts[-1] == 3
    fewer = confusion(SCORES, torch.tensor([0, 1, 1, 0]), classes=2)
    assert matrix(fewer) == [[1, 0], [0, 2]]
    assert fewer[-1] == 1


def test_nan_scores_are_some_class_and_no_error() -> None:
    counts = confusion(torch.full((2, 3), float("nan")), torch.tensor([0, 1]))
    assert int(counts.sum()) == 2


@pytest.mark.parametrize(
    ("outputs", "targets", "options", "named"),
    [
        (torch.tensor([0.2, 0.8]), torch.tensor([0, 1]), {}, "threshold=0.0 for logits"),
        (torch.tensor([0, 1]), torch.tensor([0, 1]), {}, "classes=10"),
        (SCORES, torch.tensor([0, 1]), {}, r"shape \(4, 3\) and targets of shape \(2,\)"),
        ([[0.1, 0.9]], torch.tensor([1]), {}, "the outputs are a list"),
    ],
)
def test_what_says_no_class_is_refused(outputs: Any, targets: Any, options: dict[str, Any], named: str) -> None:
    with pytest.raises(OptionError, match=named):
        confusion(outputs, targets, **options)


def test_the_model_port_counts_without_gradients() -> None:
    outputs = torch.randn(8, 4, requires_grad=True)
    counts = TorchModel(torch.nn.Linear(1, 1)).confusion(outputs, torch.zeros(8, dtype=torch.long))
    assert not counts.requires_grad
    assert int(counts.sum()) == 8


def test_they_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    torch.manual_seed(0)
    counts, actual, guessed = None, [], []
    for _ in range(5):
        outputs, targets = torch.randn(37, 6), torch.randint(0, 6, (37,))
        counts = confusion(outputs, targets, counts)
        actual += targets.tolist()
        guessed += outputs.argmax(1).tolist()
    assert counts is not None
    assert matrix(counts) == metrics.confusion_matrix(actual, guessed).tolist()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="asks a CUDA device whether anybody waits for it")
def test_a_batch_does_not_wait_for_the_device() -> None:
    outputs, targets = torch.randn(64, 10, device="cuda"), torch.randint(0, 10, (64,)).pin_memory()
    counts = confusion(outputs, targets)
    torch.cuda.set_sync_debug_mode("error")
    try:
        counts = confusion(outputs, targets, counts)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert int(counts.sum()) == 128
