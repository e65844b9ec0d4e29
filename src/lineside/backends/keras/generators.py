"""The random generators of a process that trains with Keras: Python's, NumPy's, and Keras' own global seeds."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np


def seed_all(seed: int) -> None:
    """Seed Python, NumPy and the backend, as Keras does it."""
    from keras import utils

    utils.set_random_seed(seed)


def capture() -> dict[str, Any]:
    """Return the states of Python's and NumPy's generators as plain data; Keras' seeds are variables of the model."""
    version, words, gauss = random.getstate()
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)  # noqa: NPY002 - the one that users share
    return {
        "python": [version, list(words), gauss],
        "numpy": [kind, [int(key) for key in keys], int(position), int(has_gauss), float(cached)],
    }


def restore(state: Mapping[str, Any]) -> None:
    """Put back what `capture` returned."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    kind, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), position, has_gauss, cached))  # noqa: NPY002 - likewise
