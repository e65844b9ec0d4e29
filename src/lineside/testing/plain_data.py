"""Telling plain data from what only looks like it."""

from __future__ import annotations

import math
from typing import Any


def not_plain(value: Any, place: str, *, finite: bool = False) -> str | None:
    """Return what is wrong with a value, and where, or None if it is made of what JSON holds.

    Types are compared exactly: a NumPy number, a tuple and an enumeration pass for plain data in Python, and come back
    from a file as something else.

    Args:
        value: None, a bool, an int, a float, a text, or a list or dict of such.
        place: how the value is called in the answer.
        finite: refuse NaN and infinities too.
    """
    if isinstance(value, dict) and type(value) is dict:
        for key, item in value.items():
            if type(key) is not str:
                return f"{place} has the key {key!r}; keys must be texts"
            if culprit := not_plain(item, f"{place}[{key!r}]", finite=finite):
                return culprit
    elif isinstance(value, list) and type(value) is list:
        for position, item in enumerate(value):
            if culprit := not_plain(item, f"{place}[{position}]", finite=finite):
                return culprit
    elif type(value) not in {type(None), bool, int, float, str}:
        return f"{place} is {value!r}, a {type(value).__name__}; use numbers, texts, None, lists and dicts"
    elif finite and isinstance(value, float) and not math.isfinite(value):
        return f"{place} is {value!r}; a number must be finite"
    return None
