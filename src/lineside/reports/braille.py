"""A canvas of dots for terminals: every character cell holds two by four of them, as braille has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_DOTS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bits of a cell by column and row (Unicode's block of braille patterns)."""
_BLANK: Final = 0x2800
_UPPER: Final = sum(dots[0] | dots[1] for dots in _DOTS)


class Canvas:
    """Dots on a grid of `2 * columns` by `4 * rows`; the origin is at the lower left.

    Args:
        columns: character cells in a row.
        rows: lines of character cells.

    Attributes:
        cells: the bits of each cell, by line, the top one first; 0 where it is empty.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self.width = 2 * columns
        self.height = 4 * rows
        self.cells = [[0] * columns for _ in range(rows)]

    def column(self, x: int, low: int, high: int) -> None:
        """Set the dots of column `x` from `low` to `high`, both included."""
        for y in range(low, high + 1):
            from_top = self.height - 1 - y
            self.cells[from_top // 4][x // 2] |= _DOTS[x % 2][from_top % 4]

    def line(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Set the dots of a line that goes to the right, or up or down; where it is steep there are no holes in it."""
        (x0, y0), (x1, y1) = start, end
        if x0 == x1:
            self.column(x0, min(y0, y1), max(y0, y1))
            return
        last = y0
        for x in range(x0, x1 + 1):
            y = round(y0 + (y1 - y0) * (x - x0) / (x1 - x0))
            self.column(x, min(y, last + 1), y) if y > last else self.column(x, y, max(y, last - 1))
            last = y


def characters(cells: Sequence[int], *, ascii_only: bool = False) -> str:
    """Return a line of cells as text: braille or, where that cannot be shown, a mark for the half that is filled."""
    if not ascii_only:
        return "".join(chr(_BLANK + bits) if bits else " " for bits in cells)
    return "".join(" '.:"[bool(bits & _UPPER) + 2 * bool(bits & ~_UPPER)] for bits in cells)
