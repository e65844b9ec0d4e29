"""Where the keys and values of a TOML document stand; `tomllib` reads them, but does not tell."""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

Path = tuple[str | int, ...]
"""Keys and indices from the document down to a value."""

_TOKEN: Final = re.compile(
    r"""
    (?P<blank>[ \t\r]+|\#[^\n]*)
    | (?P<newline>\n)
    | (?P<text>\"\"\"(?:\\.|[^\\])*?\"{3,5} | '''.*?'{3,5} | "(?:\\.|[^"\\\n])*" | '[^'\n]*')
    | (?P<sign>[\[\]{}=,])
    | (?P<bare>[^\s\[\]{}=,\#"']+)
    """,
    re.VERBOSE | re.DOTALL,
)


def toml_places(document: str) -> dict[Path, tuple[int, int]]:
    """Return line and column, counted from 1, of every key and member of a list.

    Args:
        document: TOML that `tomllib` has read without an error.
    """
    return _Scanner(document).scan()


class _Scanner:
    """Walks over the tokens of a document, and notes where values begin."""

    def __init__(self, document: str) -> None:
        self._document = document
        self._tokens = [found for found in _TOKEN.finditer(document) if found.lastgroup != "blank"]
        self._lines = [0, *(found.end() for found in re.finditer("\n", document))]
        self._next = 0
        self._line = 1
        self._places: dict[Path, tuple[int, int]] = {}
        self._lengths: dict[Path, int] = {}

    def scan(self) -> dict[Path, tuple[int, int]]:
        table: Path = ()
        while self._peek() is not None:
            if self._skip("\n"):
                continue
            table = self._header() if self._peek() == "[" else self._entry(table)
        return self._places

    # ---- tokens ----------------------------------------------------------------------------------------------------

    def _peek(self) -> str | None:
        return self._tokens[self._next].group() if self._next < len(self._tokens) else None

    def _take(self) -> str:
        self._next += 1
        return self._tokens[self._next - 1].group()

    def _skip(self, *tokens: str) -> bool:
        if (here := self._peek() in tokens) is True:
            self._next += 1
        return here

    def _note(self, path: Path) -> None:
        start = self._tokens[min(self._next, len(self._tokens) - 1)].start()
        while self._line < len(self._lines) and self._lines[self._line] <= start:
            self._line += 1
        self._places.setdefault(path, (self._line, start - self._lines[self._line - 1] + 1))

    # ---- grammar ---------------------------------------------------------------------------------------------------

    def _key(self, *ends: str) -> Path:
        """Read a key with its dots, up to a sign that ends it."""
        written = ""
        while (token := self._peek()) is not None and token not in ends:
            written += self._take()
        node: Any = tomllib.loads(f"{written} = 0")
        path: list[str] = []
        while isinstance(node, dict):
            ((name, node),) = node.items()
            path.append(name)
        return tuple(path)

    def _resolved(self, path: Path) -> Path:
        """Put the index of its newest member behind each list of tables on the way."""
        resolved: Path = ()
        for name in path:
            resolved = (*resolved, name)
            if resolved in self._lengths:
                resolved = (*resolved, self._lengths[resolved] - 1)
        return resolved

    def _header(self) -> Path:
        """Read ``[table]`` or ``[[member of a list]]``, and return its path."""
        start = self._next
        self._take()
        of_list = self._skip("[")
        key = self._key("]")
        end, self._next = self._next, start
        path = self._resolved(key[:-1]) + key[-1:]
        if of_list:
            self._note(path)
            self._lengths[path] = self._lengths.get(path, 0) + 1
        path = self._resolved(key)
        for length in range(1, len(path) + 1):
            self._note(path[:length])
        self._next = end + 1 + of_list
        return path

    def _entry(self, table: Path) -> Path:
        """Read ``key = value``, and return the table it belongs to."""
        start = self._next
        key = self._key("=")
        end, self._next = self._next, start
        for length in range(1, len(key) + 1):
            self._note(table + key[:length])
        self._next = end + 1
        self._value(table + key)
        return table

    def _value(self, path: Path) -> None:
        if self._skip("["):
            index = 0
            while not self._skip("]"):
                if not self._skip("\n", ","):
                    self._note((*path, index))
                    self._value((*path, index))
                    index += 1
        elif self._skip("{"):
            while not self._skip("}"):
                if not self._skip("\n", ","):
                    self._entry(path)
        else:
            while (token := self._peek()) is not None and token not in ("\n", ",", "]", "}"):
                self._take()  # dates have blanks in them
