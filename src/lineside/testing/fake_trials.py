"""Training steps on a machine that does not exist."""

from __future__ import annotations


class FakeTrials:
    """A machine whose memory holds batches of so many samples.

    A step takes `overhead` seconds and `per_sample` more for each sample.

    Args:
        fits: samples of the largest batch that the memory holds.
        samples: samples in a batch of the training data.
        most: samples in an epoch; None where it is not known.
        overhead: seconds.
        per_sample: seconds.

    Attributes:
        tried: the sizes that were asked for, in order.
    """

    def __init__(
        self,
        fits: int = 100,
        *,
        samples: int = 4,
        most: int | None = None,
        overhead: float = 0.01,
        per_sample: float = 0.001,
    ) -> None:
        self.fits = fits
        self.samples = samples
        self.most = most
        self.tried: list[int] = []
        self._overhead, self._per_sample = overhead, per_sample

    def step(self, samples: int) -> float | None:
        """Return how long a step takes, or None if it does not fit."""
        self.tried.append(samples)
        return None if samples > self.fits else self._overhead + self._per_sample * samples
