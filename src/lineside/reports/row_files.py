"""Files of whole lines, one a row, which lose nothing under kill -9 and can be rewound."""

from __future__ import annotations

import csv
import io
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from lineside.files import write_atomic
from lineside.metrics import Scalar
from lineside.ports import LogRow
from lineside.reports.appending import append_whole

_FIXED = ("step", "epoch", "time")


class RowFile(ABC):
    """A file of rows.

    Attributes:
        lines: rows written so far by all attempts of the run.
    """

    suffix: ClassVar[str]
    head_lines: ClassVar[int] = 0

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = 0

    def rewind(self, count: int | None, step: float) -> None:
        """Keep the rows up to a step, and of those the first `count`.

        The count settles what was written at that very step but after the checkpoint; it is None where the callback
        was not there at the checkpoint.
        """
        lines = _whole_lines(self.path)
        head, body = lines[: self.head_lines], lines[self.head_lines :]
        body = [line for line in body if self.step_of(line) <= step][:count]
        self.lines = len(body) if count is None else count
        self.load_head(head)
        if self.path.exists():
            write_atomic(self.path, b"".join((*head, *body)))

    def append(self, rows: Sequence[LogRow]) -> None:
        """Add rows behind the others, or none of them.

        Raises:
            OSError: such as a full disk; the file is as it was.
        """
        append_whole(self.path, self.encode(rows))
        self.lines += len(rows)

    def load_head(self, head: Sequence[bytes]) -> None:  # noqa: B027 - most files have none
        """Take in the lines above the rows."""

    @abstractmethod
    def step_of(self, line: bytes) -> int:
        """Return the step of a row."""

    @abstractmethod
    def encode(self, rows: Sequence[LogRow]) -> bytes:
        """Return rows as lines."""


class JsonlFile(RowFile):
    """One JSON object a line."""

    suffix = "jsonl"

    def step_of(self, line: bytes) -> int:
        """Return the step of a row."""
        return int(json.loads(line)["step"])

    def encode(self, rows: Sequence[LogRow]) -> bytes:
        """Return rows as JSON that every parser accepts."""
        lines = []
        for *fixed, values in rows:
            row: dict[str, Any] = dict(zip(_FIXED, fixed, strict=True))
            try:
                line = json.dumps({**row, **values}, allow_nan=False, ensure_ascii=False)
            except ValueError:
                line = json.dumps({**row, **_spelt(values)}, ensure_ascii=False)
            lines.append(line + "\n")
        return "".join(lines).encode()


class CsvFile(RowFile):
    """Comma-separated values with a header."""

    suffix = "csv"
    head_lines = 1

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._columns: list[str] = []
        self._headed = False

    def load_head(self, head: Sequence[bytes]) -> None:
        """Read the header."""
        self._headed = bool(head)
        self._columns = next(csv.reader([head[0].decode()]))[len(_FIXED) :] if head else []

    def step_of(self, line: bytes) -> int:
        """Return the step of a row."""
        return int(line.partition(b",")[0])

    def append(self, rows: Sequence[LogRow]) -> None:
        """Add rows behind the others; for new columns the file is written anew, and put in place in one instant."""
        new = {name: None for *_, values in rows for name in values if name not in self._columns}
        if new or not self._headed:
            self._headed = True
            self._columns.extend(new)
            # Whole old lines, each with the new fields left empty.
            old = [line.rstrip(b"\n") + b"," * len(new) + b"\n" for line in _whole_lines(self.path)[1:]]
            write_atomic(self.path, b"".join([_csv([(*_FIXED, *self._columns)]), *old, self.encode(rows)]))
            self.lines += len(rows)
        else:
            super().append(rows)

    def encode(self, rows: Sequence[LogRow]) -> bytes:
        """Return rows as lines; a value that is missing is an empty field."""
        return _csv([*fixed, *map(values.get, self._columns)] for *fixed, values in rows)


def _csv(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _whole_lines(path: Path) -> list[bytes]:
    """Return the lines of a file; a last one that was cut short by a kill is left out."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    return lines if not lines or lines[-1].endswith(b"\n") else lines[:-1]


def _spelt(values: Mapping[str, Scalar]) -> dict[str, float | str]:
    """Return values with those that are not finite as texts."""
    texts = {math.inf: "Infinity", -math.inf: "-Infinity"}
    numbers = {name: float(value) for name, value in values.items()}
    return {name: one if math.isfinite(one) else texts.get(one, "NaN") for name, one in numbers.items()}
