"""When small segments are merged.

The rule is that of log-structured merge trees: every row is rewritten a few times, not thousands of times.
"""

from __future__ import annotations

from collections.abc import Sequence

_FAN = 8
"""Segments of about one size that become one; also the ratio between the sizes."""


def merge_from(counts: Sequence[int]) -> int:
    """Return the first of the trailing segments (rows of each, oldest first) that should become one with the last.

    It is the last itself where nothing is to be merged. At most `_FAN - 1` segments of a size are left.
    """
    first = len(counts) - 1
    rows = counts[first]
    while True:
        reach = first
        while reach and _size(counts[reach - 1]) <= _size(rows):
            reach -= 1
        if first - reach + 1 < _FAN:
            return first
        rows += sum(counts[reach:first])
        first = reach


def _size(rows: int) -> int:
    """0 for 1 to 7 rows, 1 for 8 to 63, 2 for 64 to 511, and so on."""
    return (rows.bit_length() - 1) // 3
