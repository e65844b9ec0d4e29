from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lineside.store import StoreWriter
from lineside.store.chunkreader import ChunkReader
from lineside.store.database import open_for_reading
from lineside.store.entries import Attempt
from lineside.store.supersede import Cuts

ROWS = 10 * 4096 + 640


@pytest.fixture
def database(open_writer: Callable[..., StoreWriter], tmp_path: Path) -> Path:
    writer = open_writer()
    writer.rows([(step, 0, float(step), {"a": float(step)}) for step in range(ROWS)])
    writer.close()
    return tmp_path / "run.db"


def test_as_little_is_read_as_the_number_of_points_allows(database: Path) -> None:
    with open_for_reading(database) as connection:
        reader = ChunkReader(connection, 1, Cuts([]))
        assert len(reader.series(None)) == ROWS
        assert len(reader.series(2 * ROWS)) == ROWS
        assert len(reader.series(1000)) == 2 * ROWS // 64, "the least and the greatest of each 64"
        assert len(reader.series(10)) == 2 * 11, "and of each block"


def test_a_block_that_is_cut_is_read_in_full(database: Path) -> None:
    cuts = Cuts([Attempt(1, 0.0), Attempt(2, 0.0, resumed_step=5000)])
    with open_for_reading(database) as connection:
        reader = ChunkReader(connection, 1, cuts)
        assert max(reader.series(4).values) == 5000.0
        last = reader.latest()
        assert last is not None
        assert last.step == 5000


def test_of_one_step_the_youngest_point_is_the_latest(open_writer: Callable[..., StoreWriter], tmp_path: Path) -> None:
    writer = open_writer()
    writer.rows([(7, 0, 1.0, {"a": 1.0}), (7, 0, 3.0, {"a": 3.0, "b": 0.0}), (7, 0, 2.0, {"a": 2.0})])
    writer.close()
    with open_for_reading(tmp_path / "run.db") as connection:
        last = ChunkReader(connection, 1, Cuts([])).latest()
        assert last is not None
        assert last.value == 3.0
