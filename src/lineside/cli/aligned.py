"""Long lists in columns: a thousand lines take a hundredth of the time that a table of Rich takes."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

GAP = "  "


def aligned(rows: Sequence[Sequence[str | Text]], right: Sequence[bool], width: int) -> Text:
    """Return rows as lines whose cells stand below each other; nothing is cut.

    Where a line would be wider than the terminal, the first cell of each row stands on a line of its own.

    Args:
        rows: of equal length; the first is the heading, which is dim.
        right: for each column, whether its cells stand at its right end.
        width: columns of the terminal.
    """
    widths = [max(_width(row[at]) for row in rows) for at in range(len(right))]
    first = 0 if sum(widths) + len(GAP) * (len(widths) - 1) <= width else 1
    lines = Text()
    for number, row in enumerate(rows):
        if first:
            lines.append_text(_styled(row[0], "")).append("\n" + GAP)
        for at in range(first, len(row)):
            room = " " * (widths[at] - _width(row[at]))
            lines.append(GAP if at > first else "").append(room if right[at] else "")
            lines.append_text(_styled(row[at], "" if number else "dim"))
            lines.append("" if right[at] or at == len(row) - 1 else room)
        lines.append("\n")
    return lines


def _width(cell: str | Text) -> int:
    return cell.cell_len if isinstance(cell, Text) else cell_len(cell)


def _styled(cell: str | Text, style: str) -> Text:
    return cell if isinstance(cell, Text) else Text().append(cell, style)
