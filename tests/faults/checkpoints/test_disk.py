"""The disk is full, over quota, or failing: the old checkpoint stays, the error says so, and saving resumes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT

pytestmark = pytest.mark.faults
LIMITED = """
import resource, sys
from pathlib import Path
from lineside.checkpoints.format import Contents
from lineside.checkpoints.writer import CheckpointStore
from lineside.errors import CheckpointFailed
from tests.unit.checkpoints.toys import RUN, save, tensors, writes

store = CheckpointStore(Path(sys.argv[1]), RUN)
first = save(store, 1)
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), most))
try:
    store.save(Contents({"model.safetensors": writes(tensors(2, 100_000))}, {}), step=2, epoch=0)
except CheckpointFailed as error:
    print(type(error.__cause__).__name__, error.__cause__.errno)
assert [entry.name for entry in store.entries] == [first]
store.find("last").verify()
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
save(store, 3)
print([entry.step for entry in store.entries])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE")
@pytest.mark.parametrize("limit", [50_000, 100, 0])
def test_a_limit_on_file_size_costs_nothing_and_saving_resumes(tmp_path: Path, limit: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path / "checkpoints", str(limit)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.stdout.splitlines() == ["OSError 27", "[3]"]


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """A tmpfs of 1 MB, in a mount namespace of the child's own."""
    script = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" -c "$3" "$1"/checkpoints 2>&1'
    program = """
import sys
from pathlib import Path
from lineside.checkpoints.format import Contents
from lineside.checkpoints.writer import CheckpointStore
from lineside.errors import CheckpointFailed
from tests.unit.checkpoints.toys import RUN, save, tensors, tree, writes

store = CheckpointStore(Path(sys.argv[1]), RUN)
save(store, 1)
before = tree(store.root)
try:
    store.save(Contents({"model.safetensors": writes(tensors(2, 2_000_000))}, {}), step=2, epoch=0)
except CheckpointFailed as error:
    print(error.__cause__.errno, "bytes are free" in str(error))
assert tree(store.root) == before
large = Contents({"model.safetensors": writes(tensors(2, 500_000))}, {"state.json": {}})
store.save(large, step=3, epoch=0)
print([entry.step for entry in store.entries])
"""
    (tmp_path / "disk").mkdir()
    unshare = ["unshare", "--mount", "--map-root-user"]
    probe = subprocess.run(
        [*unshare, "mount", "-t", "tmpfs", "tmpfs", tmp_path / "disk"], check=False, capture_output=True
    )
    if probe.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {probe.stderr.decode().strip()}")
    done = subprocess.run(
        [*unshare, "sh", "-c", script, "sh", tmp_path / "disk", sys.executable, program],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.stdout.splitlines() == ["28 True", "[3]"]
