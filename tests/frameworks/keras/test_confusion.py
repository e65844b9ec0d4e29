"""Confusion matrices of Keras' tensors are those of plain Python."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="it counts with the backend of Keras")

from lineside.backends.keras.confusion import confusion
from lineside.errors import OptionError
from lineside.testing.fake_confusion import fake_confusion

RANDOM = np.random.default_rng(0)
SCORES = RANDOM.normal(size=(20, 3)).astype("float32")
TARGETS = RANDOM.integers(-1, 4, size=20)


def counted(*batches, **options):
    counts = None
    for outputs, targets in batches:
        counts = confusion(
            keras.ops.convert_to_tensor(outputs), keras.ops.convert_to_tensor(targets), counts, **options
        )
    return keras.ops.convert_to_numpy(counts).tolist()


def test_scores_of_classes_batch_by_batch():
    right = fake_confusion(SCORES.tolist(), TARGETS.tolist())
    assert counted((SCORES[:12], TARGETS[:12]), (SCORES[12:], TARGETS[12:])) == right


def test_one_score_a_sample():
    right = fake_confusion(SCORES[:, 0].tolist(), TARGETS.tolist(), threshold=0.25)
    assert counted((SCORES[:, :1], TARGETS[:, None].astype("float32")), threshold=0.25) == right


def test_numbers_of_classes():
    guesses = RANDOM.integers(0, 3, size=20)
    assert counted((guesses, TARGETS), classes=3) == fake_confusion(guesses.tolist(), TARGETS.tolist(), classes=3)


def test_one_hot_targets():
    targets = np.abs(TARGETS) % 3
    assert counted((SCORES, np.eye(3, dtype="float32")[targets])) == counted((SCORES, targets))


@pytest.mark.parametrize(
    ("outputs", "targets", "words"),
    [
        (SCORES[:, :1], TARGETS, "threshold=0.0 for logits"),
        (TARGETS, TARGETS, "classes=10 or their names"),
        (SCORES, TARGETS[:5], "do not say which class each sample is"),
    ],
)
def test_what_cannot_be_counted_is_refused(outputs, targets, words):
    with pytest.raises(OptionError, match=words):
        counted((outputs, targets))
