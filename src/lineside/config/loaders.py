"""The loaders that the data section makes, in whatever form they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from lineside.config.problems import Problem
from lineside.config.targets import Target
from lineside.errors import ConfigError

STAGES = ("train", "val", "test")


class Loaders(NamedTuple):
    """Loaders, or other iterables of batches."""

    train: Any
    val: Any = None
    test: Any = None


def loaders_of(data: Target | Mapping[str, Target], parts: Mapping[str, Callable[[], Any]]) -> Loaders:
    """Make the loaders.

    One target may return a pair or triple, a mapping or an object with ``train``, ``val`` and ``test``, or the loader
    of the training alone.

    Raises:
        ConfigError: what is returned has no loader for the training.
    """
    if isinstance(data, Mapping):
        return Loaders(**{stage: target.make(parts) for stage, target in data.items()})
    made = data.make(parts)
    found = _sorted(made)
    if found is None or not hasattr(found.train, "__iter__"):
        message = (
            f"{data.name} returned a {type(made).__name__}. It must return a loader, (train, val), (train, val, test), "
            "or a mapping or an object with train, val and test."
        )
        raise ConfigError([Problem(data.place, "data", message)])
    return found


def _sorted(made: Any) -> Loaders | None:
    if isinstance(made, Mapping):
        return Loaders(**made) if "train" in made and set(made) <= set(STAGES) else None
    if hasattr(made, "train") and not callable(made.train):
        return Loaders(*(getattr(made, stage, None) for stage in STAGES))
    if isinstance(made, Sequence) and not isinstance(made, str):
        return Loaders(*made) if 1 <= len(made) <= len(STAGES) else None
    return Loaders(made)
