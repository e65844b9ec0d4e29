from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineside.reports.row_files import CsvFile, JsonlFile

NAMES = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=' ,"/'), min_size=1, max_size=8)
ROWS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(0, 3),
        st.floats(0, 2e9),
        st.dictionaries(NAMES.filter(lambda name: name not in {"step", "epoch", "time"}), st.floats(allow_nan=False)),
    ),
    max_size=6,
)


def test_columns_only_grow_and_rows_stay_as_wide_as_the_header(tmp_path: Path) -> None:
    file = CsvFile(tmp_path / "m.csv")
    file.append([(1, 0, 0.0, {"a": 1.0})])
    file.append([(2, 0, 0.0, {"b": 2.0}), (3, 1, 0.0, {"a": 3.0, "c": 4.0})])
    assert file.path.read_text() == "step,epoch,time,a,b,c\n1,0,0.0,1.0,,\n2,0,0.0,,2.0,\n3,1,0.0,3.0,,4.0\n"
    assert file.lines == 3


@pytest.mark.parametrize("kind", [CsvFile, JsonlFile])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, cut=st.integers(0, 400), split=st.integers(0, 6))
def test_whatever_is_cut_off_only_whole_rows_remain_and_more_can_be_added(
    kind: type[CsvFile | JsonlFile], rows: list, cut: int, split: int, tmp_path: Path
) -> None:
    path = tmp_path / "rows"
    path.unlink(missing_ok=True)
    first = kind(path)
    for part in (rows[:split], rows[split:]):
        if part:
            first.append(part)
    whole = path.read_bytes() if rows else b""
    path.write_bytes(whole[:cut])
    again = kind(path)
    again.rewind(None, 9)
    kept = again.lines
    assert kept <= len(rows)
    again.append([(7, 1, 1.0, {"new": 0.5})])
    assert read(again) == [plain(row) for row in rows[:kept]] + [plain((7, 1, 1.0, {"new": 0.5}))]


def plain(row: tuple) -> dict[str, float]:
    step, epoch, time, values = row
    return {"step": step, "epoch": epoch, "time": time} | values


def read(file: CsvFile | JsonlFile) -> list[dict[str, float]]:
    with file.path.open(encoding="utf-8", newline="") as lines:
        if isinstance(file, JsonlFile):
            return [{name: float(value) for name, value in json.loads(line).items()} for line in lines]
        return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(lines, strict=True)]


@pytest.mark.parametrize("kind", [CsvFile, JsonlFile])
@pytest.mark.parametrize(
    ("count", "step", "steps"), [(None, 2, [1, 2, 2]), (2, 2, [1, 2]), (1, 9, [1]), (9, 9, [1, 2, 2, 3]), (3, 1, [1])]
)
def test_rewinding_keeps_rows_by_count_and_step(
    kind: type[CsvFile | JsonlFile], count: int | None, step: int, steps: list[int], tmp_path: Path
) -> None:
    file = kind(tmp_path / "rows")
    file.append([(step, 0, 0.0, {"a": 1.0}) for step in (1, 2, 2, 3)])
    file.rewind(count, step)
    assert [row["step"] for row in read(file)] == steps
    assert file.lines == (len(steps) if count is None else count)
