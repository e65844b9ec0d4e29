from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from lineside.store.database import open_for_writing
from lineside.store.rowgroup import BLOCK_ROWS, RowGroup


@pytest.fixture
def connection(tmp_path: Path) -> sqlite3.Connection:
    connection = open_for_writing(tmp_path / "run.db")
    yield connection
    connection.close()


def rows(start: int, count: int, names: tuple[str, ...]) -> list[tuple[int, int, float, dict[str, float]]]:
    return [(step, 0, float(step), dict.fromkeys(names, float(step))) for step in range(start, start + count)]


def stored(connection: sqlite3.Connection, group: RowGroup, **options: bool) -> list[int]:
    """Commit a group; return the rows of each block on the disk."""
    connection.execute("BEGIN")
    state = group.store(connection, 1, lambda name: group.names.index(name) + 1, **options)
    connection.execute("COMMIT")
    group.adopt(state)
    assert (
        connection.execute("SELECT count(*) FROM chunk").fetchone()[0]
        == len(group.names) * (connection.execute("SELECT count(*) FROM block").fetchone()[0])
    )
    return [count for (count,) in connection.execute("SELECT count FROM block ORDER BY id")]


def test_waiting_rows_become_a_segment(connection: sqlite3.Connection) -> None:
    group = RowGroup(("a", "b"))
    group.extend(rows(0, 10, group.names))
    assert group.waiting == 10
    assert stored(connection, group) == [10]
    assert group.waiting == 0


def test_small_segments_are_merged(connection: sqlite3.Connection) -> None:
    group = RowGroup(("a",))
    counts = []
    for step in range(9):
        group.extend(rows(step, 1, group.names))
        counts.append(stored(connection, group))
    assert counts[6:] == [[1] * 7, [8], [8, 1]]


def test_a_full_block_has_levels_and_leaves_memory(connection: sqlite3.Connection) -> None:
    group = RowGroup(("a",))
    group.extend(rows(0, 5, group.names))
    stored(connection, group)
    group.extend(rows(5, 2 * BLOCK_ROWS, group.names))
    assert stored(connection, group) == [BLOCK_ROWS, BLOCK_ROWS, 5]
    found = connection.execute("SELECT summary IS NOT NULL, level IS NOT NULL FROM chunk ORDER BY block").fetchall()
    assert [tuple(row) for row in found] == [(1, 1), (1, 1), (0, 0)]
    assert group.waiting == 0
    group.extend(rows(0, 1, group.names))
    assert group.waiting == 1


def test_finishing_leaves_one_segment(connection: sqlite3.Connection) -> None:
    group = RowGroup(("a",))
    for step in range(5):
        group.extend(rows(step, 1, group.names))
        stored(connection, group)
    assert stored(connection, group, finish=True) == [5]


def test_a_transaction_that_fails_changes_nothing(connection: sqlite3.Connection) -> None:
    group = RowGroup(("a",))
    group.extend(rows(0, BLOCK_ROWS + 3, group.names))
    connection.execute("BEGIN")
    group.store(connection, 1, lambda name: 1)
    connection.execute("ROLLBACK")
    assert group.waiting == BLOCK_ROWS + 3
    assert stored(connection, group) == [BLOCK_ROWS, 3]


def test_rows_of_very_many_metrics_make_shorter_blocks() -> None:
    assert RowGroup(("a",)).capacity == BLOCK_ROWS
    assert RowGroup(tuple(map(str, range(1000)))).capacity == 262
    assert RowGroup(tuple(map(str, range(100_000)))).capacity == 64


def test_rows_with_a_value_that_is_no_number_are_taken_whole_or_not_at_all() -> None:
    group = RowGroup(("a", "b"))
    with pytest.raises(TypeError):
        group.extend([(0, 0, 0.0, {"a": 1.0, "b": "two"})])
    assert group.waiting == 0
    group.extend(rows(0, 2, group.names))
    assert group.waiting == 2
