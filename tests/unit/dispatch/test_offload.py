from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineside.dispatch.offload import HelperLimits, HelperProcess
from lineside.errors import OptionError

JOBS = "tests.unit.dispatch.offload_jobs"
SOON = 60.0  # far beyond what it takes; reached only when something is broken


class Helper:
    """A helper process with its failures written down."""

    def __init__(self, limits: HelperLimits | None = None) -> None:
        self.failures: list[tuple[str, str]] = []
        self.process = HelperProcess(lambda target, text: self.failures.append((target, text)), limits)

    def submit(self, function: str, key: str | None = None, at_end: bool = False, **arguments: object) -> None:
        self.process.submit(f"{JOBS}:{function}", arguments, key, at_end=at_end)

    def drained(self) -> bool:
        return self.process.drain(SOON)


@pytest.fixture
def helper() -> Iterator[Helper]:
    helper = Helper()
    yield helper
    helper.process.close(0.5)


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def is_gone(pid: int) -> bool:
    deadline = time.monotonic() + SOON
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def test_jobs_run_in_order_in_a_nice_process_of_another_session_without_torch(helper: Helper, tmp_path: Path) -> None:
    log = tmp_path / "log"
    helper.submit("append", path=str(log), text="first")
    helper.submit("describe", path=str(log))
    assert helper.drained()
    first, described = lines(log)
    pid, session, niceness, torch, stdin = described.split()
    assert first == "first"
    assert int(pid) != os.getpid()
    assert (session, torch, stdin) == ("True", "False", "''")
    assert int(niceness) >= min(19, os.nice(0) + 10)
    assert helper.failures == []
    assert helper.process.dropped == 0


def test_nothing_starts_before_the_first_job(helper: Helper) -> None:
    assert helper.process.drain(SOON)
    assert helper.process._process is None
    assert helper.process.close(SOON)


def test_the_latest_of_the_waiting_jobs_of_one_key_is_done_in_the_place_of_the_first(
    helper: Helper, tmp_path: Path
) -> None:
    log, gate = tmp_path / "log", tmp_path / "gate"
    helper.submit("wait_for", path=str(gate))
    for text in ("a", "b", "c"):
        helper.submit("append", key="plot", path=str(log), text=text)
        helper.submit("append", path=str(log), text=f"alone {text}")
    gate.touch()
    assert helper.drained()
    assert lines(log) == ["c", "alone a", "alone b", "alone c"]
    assert helper.process.dropped == 0


def test_a_failure_comes_back_with_its_traceback_and_the_next_job_runs(helper: Helper, tmp_path: Path) -> None:
    helper.submit("fail", text="no ink")
    helper.submit("leave")
    helper.process.submit("no.such.module:draw", {})
    helper.submit("append", path=str(tmp_path / "log"), text="after")
    assert helper.drained()
    (target, text), (_, left), (_, missing) = helper.failures
    assert target == f"{JOBS}:fail"
    assert "offload_jobs.py" in text
    assert text.rstrip().endswith("ValueError: no ink")
    assert left.rstrip().endswith("SystemExit: left")
    assert "No module named 'no'" in missing
    assert lines(tmp_path / "log") == ["after"]


def test_a_dead_helper_is_replaced_a_few_times_and_then_jobs_are_counted(tmp_path: Path) -> None:
    helper = Helper(HelperLimits(restarts=1))
    log = tmp_path / "log"
    for text in ("a", "b"):
        helper.submit("append", path=str(log), text=text)
        helper.submit("die", code=7)
    helper.submit("append", path=str(log), text="c")
    assert helper.drained()
    assert lines(log) == ["a", "b"]
    assert [text for _, text in helper.failures] == ["The helper process died with exit code 7.\nlast words"] * 2
    assert helper.process.dropped == 1
    assert helper.process.close(SOON)


def test_what_a_job_prints_goes_to_the_log_and_its_note_is_a_warning_given_once(
    helper: Helper, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "lineside"):
        helper.submit("talk", text="hello")
        helper.submit("talk", text="hello")
        assert helper.drained()
    printed = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    assert [text.splitlines()[1:] for text in printed] == [["hello", "hello"]] * 2
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == ["note: hello"]
    assert helper.failures == []


def test_bytes_that_a_job_returns_are_delivered_and_one_can_wait_for_that(helper: Helper, tmp_path: Path) -> None:
    came: list[bytes] = []
    gate = tmp_path / "gate"
    helper.process.submit(f"{JOBS}:draw", {"text": "first"}, deliver=came.append)
    helper.process.submit(f"{JOBS}:draw", {"text": "nobody wants it"})
    helper.process.submit(f"{JOBS}:talk", {"text": "a note"}, deliver=came.append)
    helper.process.submit(f"{JOBS}:fail", {"text": "no ink"}, deliver=came.append)
    helper.submit("wait_for", path=str(gate))
    assert helper.process.await_deliveries(SOON)
    assert came == [b"first"]
    helper.process.submit(f"{JOBS}:draw", {"text": "second"}, deliver=came.append)
    assert not helper.process.await_deliveries(0.01)
    gate.touch()
    assert helper.process.await_deliveries(SOON)
    assert came == [b"first", b"second"]


def test_closing_does_what_waits(tmp_path: Path) -> None:
    helper = Helper()
    log = tmp_path / "log"
    for number in range(20):
        helper.submit("append", path=str(log), text=str(number))
    assert helper.process.close(SOON)
    assert lines(log) == [str(number) for number in range(20)]
    helper.submit("append", path=str(log), text="late")
    assert helper.process.dropped == 1
    assert helper.failures == []


def test_a_job_for_the_end_waits_for_closing_and_takes_the_place_of_one_of_its_key(
    helper: Helper, tmp_path: Path
) -> None:
    log, gate = tmp_path / "log", tmp_path / "gate"
    for text in ("first", "final"):
        helper.submit("append", key="report", path=str(log), text=text, at_end=True)
    helper.submit("append", path=str(log), text="now")
    assert helper.drained()
    assert lines(log) == ["now"]
    helper.submit("wait_for", path=str(gate))
    helper.submit("append", key="report", path=str(log), text="interim")
    helper.submit("append", path=str(log), text="behind")
    closing = threading.Thread(target=helper.process.close, args=(SOON,))
    closing.start()
    while helper.process._at_end:
        time.sleep(0.005)
    gate.touch()
    closing.join()
    assert lines(log) == ["now", "final", "behind"]
    assert helper.process.dropped == 0


def test_closing_kills_a_helper_that_hangs_and_counts_what_was_left(tmp_path: Path) -> None:
    helper = Helper()
    started = tmp_path / "pid"
    helper.submit("hang", path=str(started))
    helper.submit("append", path=str(tmp_path / "log"), text="never")
    while not started.exists() or not lines(started):
        time.sleep(0.005)
    assert not helper.process.drain(0.01)
    assert not helper.process.close(0.1)
    assert is_gone(int(lines(started)[0]))
    assert helper.process.dropped == 1
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("limits", [HelperLimits(items=2), HelperLimits(bytes=400)])
def test_there_is_a_limit_to_what_waits_and_drops_are_counted(limits: HelperLimits, tmp_path: Path) -> None:
    helper = Helper(limits)
    gate, log = tmp_path / "gate", tmp_path / "log"
    helper.submit("wait_for", path=str(gate))
    while helper.process._waiting:
        time.sleep(0.005)
    room = 2 if limits.items == 2 else 0
    for number in range(room):
        helper.submit("append", path=str(log), text=str(number), key=str(number))
    for _ in range(3):
        helper.submit("append", path=str(log), text="x" * 400)
    helper.submit("append", path=str(log), text="again", key="0")
    assert helper.process.dropped == 3
    assert len(helper.failures) == 1
    assert "behind" in helper.failures[0][1]
    gate.touch()
    assert helper.process.close(SOON)
    assert lines(log) == (["again", "1"] if room else ["again"])


def test_what_is_not_plain_data_is_refused_at_once(helper: Helper) -> None:
    with pytest.raises(OptionError, match=r"offload_jobs:append must be plain data"):
        helper.submit("append", path=Path("log"), text="x")
    for target in ("append", "__main__:append", "a:b:c"):
        with pytest.raises(OptionError, match=r"'package\.module:function'"):
            helper.process.submit(target, {})
    assert helper.process._process is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no parent to look for")
@pytest.mark.parametrize("job", ["append", "hang"])
def test_the_helper_ends_with_its_parent(job: str, tmp_path: Path) -> None:
    # The grandchild holds the pipes of the helper open, as a loader's worker does that was forked by the parent.
    script = f"""
import os, signal, subprocess, sys, time
from lineside.dispatch.offload import HelperProcess
helper = HelperProcess(print)
helper.submit("{JOBS}:{job}", {{"path": "pid"}} | ({{"text": "0"}} if "{job}" == "append" else {{}}))
while not os.path.exists("pid") or not open("pid").read():
    time.sleep(0.005)
if (worker := os.fork()) == 0:
    os.closerange(1, 3)
    time.sleep({SOON})
    os._exit(0)
print(helper._process.pid, worker, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    paths = os.pathsep.join(sys.path)
    parent = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert parent.returncode == -signal.SIGKILL, parent.stderr
    pid, worker = map(int, parent.stdout.split())
    try:
        assert is_gone(pid)
    finally:
        os.kill(worker, signal.SIGKILL)
