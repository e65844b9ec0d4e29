"""A disk that is full costs no committed record, and none that waits."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lineside.store import RunReader

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE belongs to POSIX"),
]

WRITER = """
import resource, sys, time
from pathlib import Path
from lineside.errors import StoreUnavailable
from lineside.store import StoreWriter
writer = StoreWriter(Path(sys.argv[1]), 1, time.time)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
step = 0
while True:
    writer.rows([(n, 0, float(n), {"a": n * 0.1, "b": n * 0.7}) for n in range(step, step + 500)])
    step += 500
    try:
        writer.commit()
    except StoreUnavailable as error:
        print(step - 500, error, flush=True)
        break
sys.stdin.readline()
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
writer.close()
print(step, flush=True)
"""


def test_the_error_surfaces_and_nothing_is_lost(start, next_line, database: Path) -> None:
    process = start(WRITER, database)
    committed, _, message = next_line(process).partition(" ")
    assert "run.db cannot be used now" in message
    assert "the disk has room" in message
    with RunReader.open(database) as reader:
        assert list(reader.series("a").steps) == list(range(int(committed)))
    process.stdin.write("there is room again\n")
    process.stdin.flush()
    total = int(next_line(process))
    assert total == int(committed) + 500
    with RunReader.open(database) as reader:
        assert list(reader.series("a").steps) == list(range(total))
        assert list(reader.series("b").values) == [n * 0.7 for n in range(total)]
