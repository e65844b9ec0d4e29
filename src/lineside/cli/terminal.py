"""How the commands print: wide where nobody set a width, plain where it is no terminal, safe with foreign names."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

NARROW: Final = 64
"""Columns below which only what matters most is shown."""
WIDE: Final = 110
"""Columns from which more is shown."""
_WIDTH_OF_FILES: Final = 240
"""Columns where the output goes into a file or a pipe: wide enough to cut nothing that is searched for."""


def console() -> Console:
    """Return the terminal that standard output is, or what stands for it in a file or a pipe."""
    found = Console(highlight=False, markup=False, emoji=False)
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found.width = _WIDTH_OF_FILES
    return found


def printable(text: object) -> str:
    r"""Return a text of others as one line; control characters, which could steer the terminal, as ``\x1b``."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in str(text))


def heading(out: Console, title: str) -> None:
    """Print the title of a section, with a blank line before it."""
    out.print()
    out.print(Text(title, "bold"))


def table(*columns: str | Mapping[str, Any]) -> Table:
    """Return a table without lines; a column is its heading, or the arguments of `rich.table.Table.add_column`."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        made.add_column(column) if isinstance(column, str) else made.add_column(**column)
    return made


def indented(out: Console, what: Table | Text) -> None:
    """Print something two columns to the right, below a heading."""
    out.print(Padding(what, (0, 0, 0, 2), expand=False))


def print_json(document: Any) -> None:
    """Print one line of JSON as every tool reads it: ASCII, and what JSON cannot write as a number as a text.

    NaN and infinities become ``"nan"``, ``"inf"`` and ``"-inf"``.
    """
    print(json.dumps(_strict(document), ensure_ascii=True, allow_nan=False))


def _strict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
