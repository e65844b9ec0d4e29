"""Stand-alone weight files that Keras loads by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lineside.errors import CheckpointContentsError, OptionError, nearest

SUFFIXES = (".keras", ".h5", ".weights.h5", ".safetensors")


def check_suffix(suffix: str) -> None:
    """Raise `OptionError` for a suffix that Keras cannot write."""
    if suffix not in SUFFIXES:
        raise OptionError(
            f"Weights of a Keras model cannot be written to {suffix or 'a file without a suffix'!r}."
            f"{nearest(suffix, SUFFIXES)} Let the file name end in {', '.join(SUFFIXES)}."
        )


def write(module: Any, path: Path, suffix: str) -> None:
    """Write a model to ``.keras`` or ``.h5``, for `keras.models.load_model`, or its weights to ``.weights.h5``.

    Raises:
        CheckpointContentsError: the model cannot be written so, such as one that is made of Python code to ``.h5``.
    """
    try:
        if suffix == ".weights.h5":
            module.save_weights(path)
        else:
            module.save(path)
    except OSError:
        raise
    except Exception as error:
        raise CheckpointContentsError(
            f"Keras cannot write this model to a file that ends in {suffix}: {error}"
        ) from error
