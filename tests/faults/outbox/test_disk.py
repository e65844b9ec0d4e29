"""A disk that is full, a file that is damaged, a directory that cannot be written: said, and nothing else is lost."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

import lineside.run.post
from lineside import Callback, Run
from lineside.outbox.outbox import Draft, Outbox
from lineside.outbox.standing import OutboxStanding
from lineside.ports import Alert, Route
from lineside.run.post import Post
from lineside.store import RunReader
from tests.architecture.repository import ROOT
from tests.faults.outbox.conftest import SENDERS

pytestmark = pytest.mark.faults

FULL = """
import logging, resource, sys
from pathlib import Path
from lineside.outbox.standing import OutboxStanding
from lineside.ports import Alert, Route
from lineside.run.post import Post

now = 0.0
post = Post(Path(sys.argv[1]), [Route("$NOWHERE")], clock=lambda: now)
payload = {"title": "a", "text": "x" * 3000, "level": "error", "author": "a", "phase": "once", "run": "r", "step": 1}
post.alert(Alert("a"), payload)
size = (Path(sys.argv[1]) / "outbox.db").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
for _ in range(5):
    post.alert(Alert("a"), payload)
print(OutboxStanding.read(Path(sys.argv[1])).waiting, post.lost)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
post.look()
print(OutboxStanding.read(Path(sys.argv[1])).waiting, post.lost)
now = 6.0
post.look()
print(OutboxStanding.read(Path(sys.argv[1])).waiting, post.lost)
post.close(0.0)
"""


class Alarming(Callback):
    routes = (Route("$NOWHERE"),)

    def on_epoch_end(self, run) -> None:
        run.alert(f"epoch {run.epoch}")
        run.log({"train/loss": float(run.epoch)})


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE belongs to POSIX")
def test_what_a_full_disk_does_not_take_waits_in_memory_until_there_is_room(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, cwd=ROOT, check=True
    )
    # One is on the disk; five wait, first for room, then until it is tried again; then all are there.
    assert done.stdout.splitlines() == ["1 0", "1 0", "6 0"]
    assert done.stderr.count("cannot be written") == 1
    assert "outbox.db" in done.stderr
    assert "See that the disk has room" in done.stderr


def test_an_outbox_that_is_damaged_is_named_and_the_run_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(lineside.run.post, "SENDERS", SENDERS)
    caplog.set_level(logging.WARNING, "lineside")
    with Run(callbacks=[Alarming()], run_dir=tmp_path / "runs") as run:
        damaged = run.dir / "outbox.db"
        damaged.write_bytes(b"no database at all " * 100)
        for _ in run.epochs(3):
            for _ in run.batches(range(2)):
                pass
    assert damaged.read_bytes() == b"no database at all " * 100
    assert f"{damaged} is damaged" in caplog.text
    assert "3 deliveries were lost" in run.summary
    assert run.reason == "all 3 epochs are done"
    with RunReader.open(run.dir) as reader:
        assert [event.data["title"] for event in reader.events("alert")] == ["epoch 0", "epoch 1", "epoch 2"]
        assert list(reader.series("train/loss").values) == [0.0, 1.0, 2.0]


def test_an_outbox_that_was_moved_away_begins_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "outbox.db").write_bytes(b"no database at all " * 100)
    now = 0.0
    post = Post(tmp_path, [Route("$NOWHERE")], clock=lambda: now)
    payload = dict.fromkeys(("title", "text", "level", "author", "run"), "a") | {"phase": "once", "step": 1}
    post.alert(Alert("a"), payload)
    (tmp_path / "outbox.db").rename(tmp_path / "outbox.db.damaged")
    now = 6.0
    post.look()
    assert OutboxStanding.read(tmp_path).waiting == 1
    post.close(0.0)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_directory_that_cannot_be_written_can_be_looked_at(tmp_path: Path) -> None:
    Outbox(tmp_path).record([Draft("alert", "$A", {}, "a")])
    tmp_path.chmod(0o500)
    try:
        assert OutboxStanding.read(tmp_path).waiting == 1
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL belongs to POSIX")
def test_a_recorder_killed_within_a_commit_leaves_what_was_there_and_a_journal(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from lineside.outbox.outbox import Draft, Outbox
number = 0
while True:
    Outbox(Path(sys.argv[1])).record([Draft("alert", "$A", {"text": "x" * 50_000}, str(number))])
    print(number, flush=True)
    number += 1
"""
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    for _ in range(5):
        process.stdout.readline()
    process.kill()
    told = [line for line in process.stdout if line.strip()]
    process.wait()
    process.stdout.close()
    assert OutboxStanding.read(tmp_path).waiting in {5 + len(told), 6 + len(told)}
