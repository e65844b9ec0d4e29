"""A reader sees whole commits while the writer goes on, and the writer is not kept from committing."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineside.errors import NoRecords
from lineside.store import RunReader

pytestmark = pytest.mark.faults

COMMITS = 60
ROWS = 400
WRITER = f"""
import sys, time
from pathlib import Path
from lineside.store import StoreWriter
writer = StoreWriter(Path(sys.argv[1]), 1, time.time)
for commit in range({COMMITS}):
    start = commit * {ROWS}
    writer.rows([(n, 0, float(n), {{"a": float(n)}}) for n in range(start, start + {ROWS})])
    writer.commit()
writer.close()
"""


def test_every_read_is_a_whole_number_of_commits(start, database: Path) -> None:
    process = start(WRITER, database)
    seen = [0]
    while process.poll() is None:
        try:
            with RunReader.open(database) as reader:
                while process.poll() is None:
                    steps = reader.series("a").steps if reader.metric_names() else []
                    assert list(steps) == list(range(len(steps)))
                    seen.append(len(steps))
        except NoRecords:
            continue
    assert process.returncode == 0
    assert all(count % ROWS == 0 for count in seen)
    assert seen == sorted(seen)
    with RunReader.open(database) as reader:
        assert len(reader.series("a")) == COMMITS * ROWS
