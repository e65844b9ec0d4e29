"""Confusion matrices that are counted by the backend."""

from __future__ import annotations

from typing import Any

from lineside.errors import OptionError


def confusion(
    outputs: Any, targets: Any, counts: Any = None, *, classes: int | None = None, threshold: float | None = None
) -> Any:
    """Add a batch to the counts of a confusion matrix; see `lineside.confusion.CountsClasses`.

    Scores of classes stand in the last dimension, as Keras has them.
    """
    from keras import ops

    outputs, targets = ops.convert_to_tensor(outputs), ops.convert_to_tensor(targets)
    scored = "float" in str(outputs.dtype)
    several = scored and len(outputs.shape) > 1 and outputs.shape[-1] > 1
    if classes is None:
        if not scored:
            raise OptionError(
                "The model gives class numbers: say how many classes there are, classes=10 or their names."
            )
        classes = int(outputs.shape[-1]) if several else 2
    # Before the class dimension is gone: one-hot targets have it as well.
    if several and tuple(targets.shape) == tuple(outputs.shape):
        targets = ops.argmax(targets, axis=-1)
    if several:
        outputs = ops.argmax(outputs, axis=-1)
    elif scored and threshold is None:
        raise OptionError(
            "The model gives one score a sample: say above which it is class 1, threshold=0.0 for logits or "
            "threshold=0.5 for probabilities."
        )
    elif scored:
        outputs = outputs > threshold
    predicted, actual = (ops.cast(ops.reshape(one, (-1,)), "int32") for one in (outputs, targets))
    if predicted.shape != actual.shape:
        raise OptionError(
            f"Outputs of shape {tuple(outputs.shape)} and targets of shape {tuple(targets.shape)} do not say which "
            "class each sample is: give class numbers, or scores of the shape of the outputs, as targets."
        )
    known = (actual >= 0) & (actual < classes) & (predicted >= 0) & (predicted < classes)
    cells = ops.where(known, actual * classes + predicted, classes * classes)
    counted = ops.segment_sum(ops.ones_like(cells), cells, num_segments=classes * classes + 1)
    return counted if counts is None else counts + counted
