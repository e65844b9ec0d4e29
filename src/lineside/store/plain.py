"""Plain data: what any value becomes before it is written as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from enum import Enum
from numbers import Integral, Real
from typing import Any


def plain(value: Any) -> Any:
    """Return a value as None, bool, int, float, str, list or dict; what is none of these becomes its `str`.

    Numbers of other libraries (NumPy scalars) become Python numbers, keys become text.
    """
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return _plain_scalar(value.value if isinstance(value, Enum) else value)


def _plain_scalar(value: Any) -> bool | int | float | str | None:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    return os.fsdecode(value) if isinstance(value, os.PathLike) else str(value)


def to_json(value: Any, indent: int | None = None) -> str:
    """Return plain data as JSON in valid UTF-8. NaN and infinities are spelt as Python and JavaScript spell them."""
    return utf8(json.dumps(plain(value), ensure_ascii=False, indent=indent))


def utf8(text: str) -> str:
    r"""Return text that can be encoded: lone surrogates (from undecodable file names) are written as ``\udc80``."""
    return text.encode("utf-8", "backslashreplace").decode()
