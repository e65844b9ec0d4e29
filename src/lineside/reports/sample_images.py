"""Arrays as images: where the channels are, which numbers are black and white, which pixels are classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]

_CHANNELS = (1, 3, 4)
_LEAST_SIDE = 4


@dataclass(frozen=True, slots=True)
class Normalisation:
    """What was done to images before they were given to the model: ``(image - mean) / std``, per channel."""

    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None

    def undone(self, image: Values) -> Values:
        """Return an image (H, W) or (H, W, C) as it was before."""
        for given, undo in ((self.std, np.multiply), (self.mean, np.add)):
            if given is not None and len(given) in {1, image.shape[-1] if image.ndim == 3 else 1}:
                image = undo(image, np.asarray(given, np.float32))
        return image


def is_image(values: Values) -> bool:
    """Tell whether the values of a sample are an image: (H, W), (C, H, W) or (H, W, C) with 1, 3 or 4 channels."""
    if values.ndim == 2:
        return bool(min(values.shape) >= _LEAST_SIDE)
    return values.ndim == 3 and (values.shape[0] in _CHANNELS or values.shape[-1] in _CHANNELS)


def channels_last(values: Values) -> Values:
    """Return (H, W) or (H, W, C) for an image that may have its channels in front."""
    if values.ndim != 3:
        return values.reshape(values.shape[0], -1) if values.ndim != 2 else values
    image = values.transpose(1, 2, 0) if values.shape[0] in _CHANNELS else values
    return image[..., 0] if image.shape[-1] == 1 else image


def shown(values: Values, normalisation: Normalisation) -> Values:
    """Return an image with values from 0 to 1, as matplotlib draws it.

    What reaches beyond 1 without being negative is taken for 8 bits; anything else is stretched from its least value
    to its greatest.
    """
    image = normalisation.undone(channels_last(values))
    if image.ndim == 3 and image.shape[-1] not in _CHANNELS:
        image = image.mean(axis=-1)  # features, of which nobody knows the colours
    image = np.nan_to_num(image.astype(np.float32), posinf=0.0, neginf=0.0)
    least, greatest = float(image.min(initial=0.0)), float(image.max(initial=0.0))
    slack = 0.02  # what a denormalisation in single precision, or a model, is beyond the range
    if least >= -slack and greatest <= 1 + slack:
        return np.clip(image, 0, 1)
    if least >= -slack and greatest <= 255 + slack and greatest > 2:
        return np.clip(image / 255, 0, 1)
    least, greatest = float(image.min()), float(image.max())
    found: Values = (image - least) / max(greatest - least, 1e-12)
    return found


def classes_of_pixels(values: Values, *, whole: bool, of_input: Sequence[int]) -> NDArray[np.int64] | None:
    """Return the class of each pixel (H, W), for drawing; None for an image that is none of classes.

    Args:
        values: class numbers (H, W), or scores (K, H, W) of K classes with the height and width of the input.
        whole: the values are whole numbers.
        of_input: the shape of the input, channels last.
    """
    if values.ndim == 2 and whole:
        return values.astype(np.int64) % 20
    is_scores = values.ndim == 3 and values.shape[1:] == tuple(of_input[:2]) and values.shape[0] > 1
    has_other_channels = values.shape[0] != (of_input[2] if len(of_input) == 3 else 1)
    return values.argmax(0) % 20 if is_scores and has_other_channels and not whole else None
