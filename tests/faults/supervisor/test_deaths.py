"""A training that dies is told of, started again, and ends where an undisturbed one ends."""

from __future__ import annotations

import re
import shlex
import signal
import sys
from pathlib import Path

import pytest

from tests.faults.supervisor.conftest import LINESIDE, STEPS, Start, wait_until

pytestmark = pytest.mark.faults

TRAININGS = Path(__file__).with_name("trainings.py")


@pytest.mark.parametrize("kind", ["trainer", "loop", "lightning"])
def test_after_kill_9_it_goes_on_and_ends_bit_for_bit_where_the_undisturbed_one_ends(
    kind: str, start: Start, tmp_path: Path
) -> None:
    if kind == "lightning":
        pytest.importorskip("lightning", reason="the bridge to Lightning needs lightning: pip install lightning")
    training = start("run", "--restarts", "1", "--", sys.executable, TRAININGS, kind, tmp_path / "runs")
    digests = dict(training.line().split() for _ in range(2))
    assert training.code() == 0
    assert digests["disturbed"] == digests["undisturbed"]
    training.says(r"^disturbed-\S+ died: killed by SIGKILL; it is started again in 1 s \(restart 1 of 1\)$")
    assert "disturbed-" in training.says(r"(\S+) was started again: restart 1 of 1")[1]
    # The second attempt went on with the run, and made none of its own.
    assert len(list((tmp_path / "runs" / "default").glob("disturbed-*"))) == 1


def test_the_supervisor_stays_below_30_megabytes(steps: Start) -> None:
    run = steps("--alert", "json://127.0.0.1:9/")
    run.begun()
    run.step()
    used = Path(f"/proc/{run.process.pid}/smaps_rollup")
    if not used.exists():
        pytest.skip("this system does not tell what a process uses: no /proc/self/smaps_rollup")
    # It has become the small process long ago, and has looked at the run by now.
    wait_until(lambda: b"lineside.supervisor" in Path(f"/proc/{run.process.pid}/cmdline").read_bytes(), "small", run)
    resident = int(re.search(r"^Rss:\s+(\d+) kB", used.read_text(), re.MULTILINE)[1])  # type: ignore[index]
    assert resident < 30_000
    run.do("stop")
    assert run.code() == 0


@pytest.mark.parametrize("code", [1, 75, 139])
def test_what_may_go_better_is_tried_again_until_the_restarts_are_used_up(code: int, steps: Start) -> None:
    run = steps("--restarts", "1")
    assert run.begun().startswith("attempt 1")
    run.do(f"exit {code}")
    assert run.begun().startswith("attempt 2")
    run.do(f"exit {code}")
    assert run.code() == code
    if code != 75:
        run.says("all 1 restarts are used up")


@pytest.mark.parametrize("code", [2, 127, 130, 143])
def test_what_would_end_alike_is_not_tried_again(code: int, steps: Start) -> None:
    run = steps("--restarts", "3")
    run.begun()
    run.do(f"exit {code}")
    assert run.code() == code
    assert "again" not in run.said.replace("it is not started again, since it would end like this again", "")


def test_a_run_that_was_stopped_stays_stopped_whatever_its_process_ends_with(steps: Start, tmp_path: Path) -> None:
    run = steps("--restarts", "3")
    run.begun()
    run.do("stop")
    assert run.code() == 0
    assert len(list((tmp_path / "runs" / "default").iterdir())) == 1


def test_an_error_of_the_training_is_told_in_its_own_words(steps: Start) -> None:
    run = steps()
    run.begun()
    run.do("raise of a loader")
    assert run.code() == 1
    run.says(r"run-\S+ died: exit code 1; MemoryError: of a loader$")


def test_a_signal_for_the_supervisor_reaches_the_training_which_saves_and_is_not_started_again(steps: Start) -> None:
    run = steps("--restarts", "3")
    run.begun()
    run.step()
    run.process.send_signal(signal.SIGTERM)
    run.do("step")
    assert run.code() == 143
    assert run.said == ""


def test_memory_that_a_limit_refuses_is_told(start: Start, tmp_path: Path) -> None:
    """Under RLIMIT_AS the training gets a MemoryError; nobody kills it."""
    run = start("sh", "-c", shell_line("ulimit -v 1000000;", tmp_path))
    run.begun()
    run.do("fill")
    assert run.code() == 1
    run.says(r"died: exit code 1; MemoryError$")


def test_a_training_that_the_kernel_kills_for_memory_is_told_as_such(
    memory_group: Path, start: Start, tmp_path: Path
) -> None:
    run = start("sh", "-c", shell_line(f"echo $$ > {memory_group}/cgroup.procs;", tmp_path))
    run.begun()
    run.do("fill")
    assert run.code() == 137
    run.says(r"died: killed by SIGKILL: memory ran out$")
    run.end()


def shell_line(first: str, directory: Path) -> str:
    """Return a line of a shell that does something, and then becomes the supervisor of a training."""
    words = [*LINESIDE, "run", "--", sys.executable, STEPS, directory / "runs"]
    return f"{first} exec {shlex.join(map(str, words))}"
