"""A writer that is killed at any moment leaves a database that holds every commit, whole."""

from __future__ import annotations

import hashlib
import random
import signal
import time
from pathlib import Path

import pytest

from lineside.database.recovery import journal_of
from lineside.store import RunReader, StoreWriter

pytestmark = pytest.mark.faults

ROWS = 300
WRITER = f"""
import sys, time
from pathlib import Path
from lineside.store import RunReader, StoreWriter
path, attempt, step = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
writer = StoreWriter(path, attempt, time.time)
writer.begin_attempt(attempt, step if attempt > 1 else None, time.time())
while True:
    rows = [(n, 0, float(n), {{"a": float(n), "b": -float(n)}}) for n in range(step, step + {ROWS})]
    writer.rows(rows)
    step += {ROWS}
    writer.event("commit", step=step, epoch=0, time=0.0, data={{}})
    writer.commit()
    print(step, flush=True)
"""
HALF_WRITTEN = """
import os, signal, sys, time
from pathlib import Path
from lineside.store.database import open_for_writing
connection = open_for_writing(Path(sys.argv[1]))
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("DELETE FROM event")
for number in range(2000):
    connection.execute("INSERT INTO metric (name) VALUES (?)", ("x" * 500 + str(number),))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_every_commit_survives_a_kill_at_any_moment(start, next_line, times, database: Path) -> None:
    draw = random.Random(0)
    committed = 0
    for attempt in (number + 1 for number in times(10, 60)):
        process = start(WRITER, database, attempt, committed)
        for _ in range(draw.randrange(1, 8)):
            committed = int(next_line(process))
        time.sleep(draw.random() * 0.02)  # anywhere within the next commits
        process.kill()
        for late in process.stdout:
            committed = int(late)
        process.wait()
        with RunReader.open(database) as reader:
            steps = list(reader.series("a").steps)
            events = [event.step for event in reader.events("commit")]
            assert list(reader.series("b").values) == [-float(step) for step in steps]
        # A commit may be on the disk although nobody was told.
        assert steps == list(range(len(steps)))
        assert len(steps) in (committed, committed + ROWS)
        assert events == list(range(ROWS, len(steps) + 1, ROWS))
        committed = len(steps)


def test_a_half_written_commit_is_read_without_touching_it(start, database: Path) -> None:
    writer = StoreWriter(database, 1, time.time)
    writer.event("kept", step=1, epoch=0, time=0.0, data={})
    writer.close()
    assert start(HALF_WRITTEN, database).wait() == -signal.SIGKILL
    before = [hashlib.sha256(path.read_bytes()).digest() for path in (database, journal_of(database))]
    assert journal_of(database).stat().st_size > 0, "the fault was not injected"

    with RunReader.open(database) as reader:
        assert [event.kind for event in reader.events()] == ["kept"]
        assert reader.metric_names() == []
    assert [hashlib.sha256(path.read_bytes()).digest() for path in (database, journal_of(database))] == before

    StoreWriter(database, 2, time.time).close()
    journal = journal_of(database)
    assert not journal.exists() or journal.stat().st_size == 0, "the next writer rolls it back"
    with RunReader.open(database) as reader:
        assert [event.kind for event in reader.events()] == ["kept"]
