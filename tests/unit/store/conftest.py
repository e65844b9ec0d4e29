from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lineside.store import StoreWriter


@pytest.fixture
def open_writer(tmp_path: Path) -> Iterator[Callable[..., StoreWriter]]:
    """Open writers of one database, each with the attempt it is told; all are closed at the end."""
    opened: list[StoreWriter] = []

    def open_one(attempt: int = 1, resumed_step: int | None = None, resumed_time: float | None = None) -> StoreWriter:
        writer = StoreWriter(tmp_path / "run.db", attempt, clock=lambda: 1000.0)
        writer.begin_attempt(attempt, resumed_step, started=float(attempt), resumed_time=resumed_time)
        opened.append(writer)
        return writer

    yield open_one
    for writer in opened:
        writer.close()
