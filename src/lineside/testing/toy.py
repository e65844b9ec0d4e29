"""The training that every host must run: a line fitted to a few points, the same numbers in every framework."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

EPOCHS, BATCHES, BATCH_SIZE, VAL_BATCHES = 3, 4, 4, 2
LEARNING_RATE = 0.05
"""Of plain gradient descent on the mean squared error, beginning with a weight and a bias of zero."""

Points = list[tuple[list[float], list[float]]]


def training_points() -> Points:
    """Return inputs of shape (1,) and targets of shape (1,), `BATCHES` × `BATCH_SIZE` of them, in order."""
    return [([x], [2.0 * x - 1.0]) for x in _spread(BATCHES * BATCH_SIZE)]


def validation_points() -> Points:
    """Return `VAL_BATCHES` × `BATCH_SIZE` points that do not lie on the line of the training."""
    return [([x], [2.5 * x - 0.5]) for x in _spread(VAL_BATCHES * BATCH_SIZE)]


def expected_values(rates: Sequence[float] = (LEARNING_RATE,) * (EPOCHS * BATCHES)) -> list[dict[str, float]]:
    """Return the means of each epoch, computed here in plain Python from the definition of the toy.

    Args:
        rates: the learning rate of each step, for whole epochs.
    """
    weight = bias = 0.0
    epochs = []
    batched = training_points()
    for first in range(0, len(rates), BATCHES):
        losses = []
        for start, rate in zip(range(0, len(batched), BATCH_SIZE), rates[first : first + BATCHES], strict=True):
            errors = [(weight * x[0] + bias - y[0], x[0]) for x, y in batched[start : start + BATCH_SIZE]]
            losses.append(sum(error**2 for error, _ in errors) / BATCH_SIZE)
            weight -= rate * sum(2 * error * x for error, x in errors) / BATCH_SIZE
            bias -= rate * sum(2 * error for error, _ in errors) / BATCH_SIZE
        checked = validation_points()
        val = sum((weight * x[0] + bias - y[0]) ** 2 for x, y in checked) / len(checked)
        epochs.append({"train/loss": sum(losses) / len(losses), "val/loss": val})
    return epochs


def _spread(count: int) -> Iterator[float]:
    return (-1.0 + 2.0 * ((index * 7) % count) / (count - 1) for index in range(count))
