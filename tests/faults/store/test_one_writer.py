"""A run has one writer, and a dead one does not keep it."""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lineside.errors import RunDirectoryBusy
from lineside.store import RunDirectory

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform == "win32", reason="signals and fork belong to POSIX"),
]

HOLDER = r"""
import os, sys
from pathlib import Path
from lineside.store import RunDirectory
RunDirectory(Path(sys.argv[1])).lock()
worker = os.fork() == 0  # as a loader forks its workers
os.write(1, f"{'worker' if worker else 'holder'} {os.getpid()}\n".encode())  # whole, beside the other's
sys.stdin.readline()
"""


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create(tmp_path, "p", None, datetime.now(UTC))


def test_a_second_process_is_refused_and_a_worker_that_outlives_its_parent_holds_nothing(start, next_line, run) -> None:
    process = start(HOLDER, run.path)
    pids = dict(next_line(process).split() for _ in range(2))
    with pytest.raises(RunDirectoryBusy, match=f"process {pids['holder']} on"):
        run.lock()
    process.send_signal(signal.SIGKILL)
    process.wait()
    os.kill(int(pids["worker"]), 0)  # it lives on
    run.lock()
    run.unlock()
