"""The contract of callbacks that try the model out, or show what it does, with data to try and to show."""

from __future__ import annotations

from typing import Any

import numpy as np

from lineside.callbacks.batch_size_finder import BatchSizeFinder
from lineside.callbacks.confusion_matrix import ConfusionMatrix
from lineside.callbacks.prediction_samples import PredictionSamples
from lineside.testing import CallbackContract, FakeRun, FakeTrials

BATCHES = [((np.ones((2, 3)), [0, 1]), {"logits": [[0.9, 0.1], [0.2, 0.8]]})] * 2
PICTURES = [((np.ones((2, 3)), np.arange(2)), np.eye(2))] * 2


class TestBatchSizeFinder(CallbackContract):
    inline_only = True
    alone = True

    def make(self, **options: Any) -> BatchSizeFinder:
        return BatchSizeFinder(mode="binsearch", **options)

    def _run(self, *callbacks: Any) -> FakeRun:
        return FakeRun(callbacks, **self._options, trials=FakeTrials(20))


class TestBatchSizeFinderThatStops(TestBatchSizeFinder):
    def make(self, **options: Any) -> BatchSizeFinder:
        return BatchSizeFinder(then="stop", **options)


class TestConfusionMatrix(CallbackContract):
    inline_only = True
    _options = CallbackContract._options | {"validation": BATCHES}

    def make(self, **options: Any) -> ConfusionMatrix:
        return ConfusionMatrix(every="2 epochs", **options)


class TestPredictionSamples(CallbackContract):
    inline_only = True
    _options = CallbackContract._options | {"validation": PICTURES}

    def make(self, **options: Any) -> PredictionSamples:
        return PredictionSamples(every="2 epochs", count=3, **options)
