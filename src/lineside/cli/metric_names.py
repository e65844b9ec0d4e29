"""Which of a run's metrics somebody means, and in which order they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final

from lineside.errors import MetricNotFound, nearest
from lineside.metrics import candidates

_OTHERS: Final = 3
_DIAGNOSTICS: Final = dict.fromkeys(("gradients", "update_ratio", "system"), 6)
"""Behind all results: there may be hundreds of them."""
_RANKS: Final = {"val": 0, "train": 0, "test": 1, "lr": 2, "batch": 4, "time": 5} | _DIAGNOSTICS


def resolved(name: str, known: Iterable[str]) -> str | None:
    """Return the one of the known names that a name or an alias, such as ``val_loss``, stands for; None if none is."""
    there = set(known)
    return next((candidate for candidate in candidates(name) if candidate in there), None)


def selected(wanted: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the known names that are wanted, by name, alias, or a pattern such as ``val/*``.

    Raises:
        MetricNotFound: a word fits none of them; the message has the nearest, and lists what there is.
    """
    found: dict[str, None] = {}
    for word in wanted:
        name = resolved(word, known)
        fitting = [name] if name is not None else [each for each in known if fnmatchcase(each, word)]
        if not fitting:
            there = ", ".join(sorted(known)) or "nothing yet"
            raise MetricNotFound(f"The run has no metric {word!r}.{nearest(word, known)} There is: {there}.")
        found.update(dict.fromkeys(fitting))
    return list(found)


def in_order(names: Iterable[str]) -> list[str]:
    """Sort for people: validation beside training, losses first; then rates, others, batches, times, diagnostics."""
    return sorted(names, key=_rank)


def _rank(name: str) -> tuple[int, bool, str, str]:
    kind, _, metric = name.partition("/")
    return _RANKS.get(kind, _OTHERS), metric != "loss", metric, kind


def headline(names: Sequence[str]) -> list[str]:
    """Return the metrics whose curves tell most: training and validation of the loss, or else of the first metric."""
    first = next((name for name in in_order(names) if name.startswith(("val/", "train/"))), None)
    if first is None:
        return in_order(names)[:1]
    metric = first.partition("/")[2]
    return [name for name in (f"train/{metric}", f"val/{metric}") if name in names]
