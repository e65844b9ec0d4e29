"""A training that stands still is told of once, and once more when it moves again; a pause is no standstill."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from lineside.store.inbox import Inbox
from tests.faults.supervisor.conftest import Start, wait_until

pytestmark = pytest.mark.faults


def test_a_process_that_is_stopped_stalls_until_it_is_continued(steps: Start) -> None:
    run = steps("--silent-after", "2 s")
    run.begun()
    run.step()
    os.kill(run.pid, signal.SIGSTOP)
    run.says(r"^run-\S+ stalls: its process has not been heard of for \d+ s: stopped, or its disk hangs$")
    os.kill(run.pid, signal.SIGCONT)
    run.says(r"^run-\S+ goes on: it moves again$")
    run.do("stop")
    assert run.code() == 0
    assert len(run.said.splitlines()) == 2


def test_a_training_that_hangs_stalls_though_its_process_lives_and_it_is_told_where(steps: Start) -> None:
    run = steps("--stalled-after", "2 s")
    run.begun()
    run.step()
    run.step()  # beyond its first batch, which may take longer
    run.do("hang 6")
    said = run.says(r"^run-\S+ stalls: its process lives, and its training has not moved for \d+ s \(stage train\).*$")
    assert said is not None
    assert run.line() == "step 3"

    def goes_on() -> bool:
        run.step()
        return "goes on: it moves again" in run.said

    wait_until(goes_on, "the end of the stall", run)
    run.do("stop")
    assert run.code() == 0


def test_a_pause_is_no_standstill(steps: Start, tmp_path: Path) -> None:
    run = steps("--stalled-after", "1 s", "--silent-after", "10 s")
    run.begun()
    run.step()
    run.do("pause")
    assert run.line().startswith("step")
    (directory,) = (tmp_path / "runs" / "default").iterdir()
    record = directory / "run.json"
    wait_until(lambda: '"paused": true' in record.read_text(), "a pause", run)
    before = record.stat().st_mtime
    wait_until(lambda: record.stat().st_mtime > before + 4, "four seconds of it", run)
    Inbox(directory / "inbox").post("unpause", {}, "", "a test")
    run.step()
    run.do("stop")
    assert run.code() == 0
    assert run.said == ""


def test_one_that_stalls_is_ended_and_started_again_where_that_is_wanted(steps: Start) -> None:
    run = steps("--restarts", "1", "--stalled-after", "1 s", "--end-stalled")
    run.begun()
    run.step()
    run.step()
    run.do("hang 8")
    run.says(r"^run-\S+ stalls: its process lives")
    # It hears the signal when it comes back.
    run.says(r"^run-\S+ died: it had stalled, and was ended; it is started again in 1 s")
    assert run.line() == "step 3"
    assert run.begun().startswith("attempt 2")
    for _ in range(3):
        run.do("what the first attempt has seen")
    run.do("stop")
    assert run.code() == 0


def test_a_full_disk_is_told_once(steps: Start, tmp_path: Path) -> None:
    run = steps("--disk-below", "1e9")
    run.begun()
    run.says(rf"^The disk is full: [\d.]+ GB are left at {re.escape(str(tmp_path))}\S*: checkpoints and records will")
    run.step()
    run.do("stop")
    assert run.code() == 0
    assert len(run.said.splitlines()) == 1
