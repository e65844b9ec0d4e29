"""What TensorBoard is to show, set aside in files until the helper process has encoded it.

What lies in memory is gone when the training is killed, and a resumed run does not log it again if it came before the
checkpoint. Here it outlives the training and the helper: the next one encodes it.
"""

from __future__ import annotations

import base64
import json
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lineside.metrics import Scalar
from lineside.ports import LogRow

SUFFIX = ".part"
Series = tuple[Sequence[str], str]
"""Names of values, and rows of step, time and these values: float64 in the order of this machine, as base64."""


def packed(rows: Sequence[LogRow]) -> list[Series]:
    """Return rows by the names of their values; as JSON they would take four times as long to write."""
    tables: dict[tuple[str, ...], array[float]] = {}
    for step, _, time, values in rows:
        table = tables.setdefault(tuple(values), array("d"))
        table.append(step)
        table.append(time)
        table.extend(map(float, values.values()))
    return [(names, base64.b64encode(table.tobytes()).decode()) for names, table in tables.items()]


def unpacked(series: Series) -> list[tuple[int, float, dict[str, Scalar]]]:
    """Return step, time and values of each row."""
    names, data = series
    table = array("d", base64.b64decode(data))
    width = 2 + len(names)
    rows = [table[start : start + width] for start in range(0, len(table), width)]
    return [(int(step), time, dict(zip(names, values, strict=True))) for step, time, *values in rows]


def set_aside(directory: Path, number: str, part: Mapping[str, Any]) -> None:
    """Write a part, a JSON document; the numbers sort as text in the order in which parts are to be encoded."""
    directory.mkdir(parents=True, exist_ok=True)
    hidden = directory / f"{number}.tmp"
    hidden.write_text(json.dumps(part), "utf-8")
    hidden.replace(directory / f"{number}{SUFFIX}")


def waiting(directory: Path) -> list[Path]:
    """Return the parts that wait, the oldest first."""
    return sorted(directory.glob(f"*{SUFFIX}"))
