"""What a word without quotes stands for: the core schema of YAML 1.2, in which ``1e-3`` is a number and ``no`` a text.

PyYAML reads YAML 1.1, where it is the other way round; the rules here are those of
https://yaml.org/spec/1.2.2/#103-core-schema, but that ``012`` is refused: it was 10 and became 12.
"""

from __future__ import annotations

import re
from typing import Final

Plain = bool | int | float | str | None

WORDS_FOR_BOOL: Final = {"yes": "true", "on": "true", "no": "false", "off": "false"}
"""Texts that YAML 1.1 took for truth values, with what to write instead."""

_LONGEST: Final = 400
"""Characters of a number at most; Python refuses to read endless ones."""
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_OTHER_BASE: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER: Final = re.compile(r"[-+]?0[0-9]+")
_NOT_FINITE: Final = re.compile(r"(?P<inf>[-+]?\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)")


def read_plain(word: str) -> Plain:
    """Return what a word without quotes stands for."""
    if word in _WORDS:
        return _WORDS[word]
    return word if len(word) > _LONGEST or (number := _number(word)) is None else number


def _number(word: str) -> int | float | None:
    if _WHOLE.fullmatch(word):
        return int(word)
    if _OTHER_BASE.fullmatch(word):
        return int(word, 0)
    if (found := _NOT_FINITE.fullmatch(word)) is not None:
        return float(word.replace(".", "")) if found["inf"] else float("nan")
    if _NUMBER.fullmatch(word) and not _NO_NUMBER.fullmatch(word):
        return float(word)
    return None


def doubt(word: str) -> str | None:
    """Return what to write instead of a word without quotes that other readers of YAML understand otherwise."""
    if word.lower() in WORDS_FOR_BOOL:
        return f"write {WORDS_FOR_BOOL[word.lower()]}, or '{word}' in quotes for the text"
    if len(word) <= _LONGEST and _NO_NUMBER.fullmatch(word):
        return f"write {int(word)}, or '{word}' in quotes for the text"
    return None
