"""Nested plain data as rows of a table: hyper-parameters, environment, code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from lineside.reports.html.wording import Wording

_MOST_ROWS = 300
_DEEPEST = 6

Row = tuple[str, str]
"""A name with dots, and its value as text."""


def rows(values: Mapping[str, Any], wording: Wording) -> list[Row]:
    """Return one row a value; what is nested gets a name with dots, and of very much the first part is shown."""
    flat = list(islice(_flat(values, "", 0), _MOST_ROWS + 1))
    shown = [(wording.shortened(name), wording.shortened(value)) for name, value in flat[:_MOST_ROWS]]
    return [*shown, ("…", wording("more in run.json", "其余见 run.json"))] if len(flat) > _MOST_ROWS else shown


def _flat(values: Mapping[str, Any], prefix: str, depth: int) -> Iterator[Row]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value and depth < _DEEPEST:
            yield from _flat(value, f"{prefix}{name}.", depth + 1)
        else:
            yield f"{prefix}{name}", _text(value)


def _text(value: Any) -> str:
    if value is None or value == "":
        return "–"
    try:
        if isinstance(value, (list, tuple)) and all(isinstance(one, (str, int, float)) for one in value):
            return " ".join(map(str, value))
        return str(value)
    except RecursionError:  # a crafted record, nested as deeply as JSON allows
        return "…"
