"""A writer that saves and prunes without end, killed with -9 at moments that nobody chose."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT
from tests.faults.checkpoints.struck_writer import opened

pytestmark = [pytest.mark.faults, pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")]
KILLS = 3000 if os.environ.get("LINESIDE_FAULTS") == "full" else 25
# One interpreter forks a fresh child for each kill; starting one each time would take most of the time.
SAVING = """
import os, sys
from pathlib import Path
from tests.faults.checkpoints.struck_writer import commit, opened
work = Path(sys.argv[1])
os.fsync = lambda descriptor: None  # a kill takes nothing from a file that the system has
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            store = opened(work)
            store.sweep()
            step = store.last.step if store.last else 0
            print("ready", os.getpid(), flush=True)
            while True:
                step += 1
                commit(store, step, tags=["best"] if step % 3 == 0 else [])
                os.write(1, f"saved {step}\\n".encode())
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(1, f"ended {code}\\n".encode())
"""


@pytest.mark.timeout(3600)  # for the full count
def test_no_committed_checkpoint_is_lost(tmp_path: Path) -> None:
    moments = random.Random(20261121)
    writer = subprocess.Popen(
        [sys.executable, "-c", SAVING, tmp_path],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdin is not None
    assert writer.stdout is not None
    saved = 0
    with writer:
        for _ in range(KILLS):
            print("go", file=writer.stdin, flush=True)
            ready, pid = writer.stdout.readline().split()
            assert ready == "ready"
            for _ in range(moments.randrange(4)):
                saved = int(writer.stdout.readline().split()[1])
            time.sleep(moments.uniform(0, 0.005))  # any moment will do: what must hold, holds at each
            os.kill(int(pid), signal.SIGKILL)
            while (words := writer.stdout.readline().split())[0] != "ended":
                saved = int(words[1])
            assert int(words[1]) == -signal.SIGKILL
            saved = check(tmp_path, saved)
        writer.stdin.close()
    assert saved > KILLS / 2, "hardly anything was saved between the kills"


def check(work: Path, saved: int) -> int:
    """Look as the next attempt does; return the newest step, which the writer may have had no time to announce."""
    store = opened(work)
    damaged: list[Exception] = []
    newest = store.newest_sound(on_damage=damaged.append)
    assert damaged == []
    step = newest.step if newest else 0
    assert step in {saved, saved + 1}
    for entry in store.entries:
        store.find(entry.name).verify()
    assert (store.best.step if store.best else 0) == step // 3 * 3
    return step
