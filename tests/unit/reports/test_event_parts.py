from __future__ import annotations

import math
from pathlib import Path

from lineside.reports.event_parts import packed, set_aside, unpacked, waiting


def test_rows_come_back_by_the_names_of_their_values() -> None:
    rows = [
        (1, 0, 10.5, {"batch/loss": 0.5, "batch/acc": math.inf}),
        (1, 0, 11.5, {"val/loss": 0.25}),
        (2**40, 1, 12.5, {"batch/loss": 1e-300, "batch/acc": 0.0}),
    ]
    assert [unpacked(series) for series in packed(rows)] == [
        [
            (1, 10.5, {"batch/loss": 0.5, "batch/acc": math.inf}),
            (2**40, 12.5, {"batch/loss": 1e-300, "batch/acc": 0.0}),
        ],
        [(1, 11.5, {"val/loss": 0.25})],
    ]
    assert packed([]) == []


def test_nan_stays_nan() -> None:
    ((_, _, values),) = unpacked(packed([(1, 0, 1.0, {"a": math.nan})])[0])
    assert math.isnan(values["a"])


def test_parts_wait_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"
    for number in ("000002-1", "000001-9", "000001-1"):
        set_aside(directory, number, {"n": number})
    assert [part.stem for part in waiting(directory)] == ["000001-1", "000001-9", "000002-1"]
    assert waiting(tmp_path / "none") == []
