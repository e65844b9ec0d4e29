"""Counting which class is taken for which, where the model's outputs are."""

from __future__ import annotations

from typing import Any, Protocol


class CountsClasses(Protocol):
    """The part of `ModelPort` about confusion matrices."""

    def confusion(
        self,
        outputs: Any,
        targets: Any,
        counts: Any = None,
        *,
        classes: int | None = None,
        threshold: float | None = None,
    ) -> Any:
        """Add a batch to the counts of a confusion matrix, on the device of the outputs and without waiting for it.

        Args:
            outputs: scores (N, K, …) of K classes, class numbers (N, …), or one score a sample, (N,) or (N, 1).
            targets: class numbers (N, …), or scores of the shape of the outputs, such as one-hot vectors.
            counts: what an earlier call returned; None to begin.
            classes: K; by the shape of the outputs unless given.
            threshold: the score above which a sample counts as class 1, where there is one score a sample.

        Returns:
            K × K + 1 whole numbers, on the device: how often class i was taken for class j stands at i × K + j; how
            many were passed over, because target or prediction is none of the K classes, stands last.

        Raises:
            OptionError: the shapes do not fit, or `classes` or `threshold` is necessary and not given.
        """
