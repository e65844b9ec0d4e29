"""Commands that are no training, or not one that the supervisor sees; and runs that somebody else has started."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.supervisor.conftest import LINESIDE, STEPS, Start

pytestmark = pytest.mark.faults


def test_a_command_that_does_not_exist_ends_as_a_shell_ends_it(start: Start, tmp_path: Path) -> None:
    run = start("run", "--restarts", "3", "--", "no-such-program", "--option")
    assert run.code() == 127
    assert run.said.startswith("no-such-program died: it cannot be started: No such file or directory; it is not")
    (tmp_path / "plain.txt").write_text("no program")
    run = start("run", "--", "./plain.txt")
    assert run.code() == 126
    run.says("^./plain.txt died: it cannot be started: Permission denied$")


def test_a_script_without_any_run_is_started_again_as_well(start: Start, tmp_path: Path) -> None:
    script = f"echo begun; test -e {tmp_path}/again || {{ touch {tmp_path}/again; kill -9 $$; }}; exit 5"
    run = start("run", "--restarts", "1", "sh", "-c", script)
    assert [run.line(), run.line()] == ["begun", "begun"]
    assert run.code() == 5
    assert run.said.splitlines() == [
        "sh died: killed by SIGKILL; it is started again in 1 s (restart 1 of 1)",
        "sh died: exit code 5; all 1 restarts are used up",
    ]


def test_what_stands_behind_the_command_belongs_to_it(start: Start) -> None:
    run = start("run", sys.executable, "-c", "import sys; print(sys.argv[1:])", "--restarts", "3", "-h")
    assert run.line() == "['--restarts', '3', '-h']"
    assert run.code() == 0


def test_nothing_of_the_supervisors_own_reaches_the_command(start: Start) -> None:
    code = "import os; print(sorted(name for name in os.environ if name.startswith('LINESIDE_')))"
    run = start("run", "--alert", "json://127.0.0.1:9/", "--", sys.executable, "-c", code)
    assert run.line() == "['LINESIDE_ADVICE', 'LINESIDE_SUPERVISED']"
    assert run.code() == 0


def test_a_training_that_leaves_its_parent_is_watched_all_the_same(start: Start, tmp_path: Path) -> None:
    """A double fork, as daemons do it: the command is over at once, and its run is not."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    steps = shlex.join([sys.executable, str(STEPS), str(tmp_path / "runs")])
    # The command ends when the run is open; what nobody has seen by then is not known to be there.
    wait = "while test ! -e runs/default/*/run.db; do sleep 0.1; done"
    run = start("run", "--", "sh", "-c", f"(setsid {steps} <{fifo} &) ; {wait}")
    with fifo.open("w", buffering=1) as orders:
        run.begun()
        print("step", file=orders)
        assert run.line() == "step 1"
        os.kill(run.pid, signal.SIGKILL)
    run.says(r"^run-\S+ died: its process is gone$")
    assert run.code() == 1


def test_a_wrapper_that_ends_well_does_not_hide_the_death_of_its_training(start: Start) -> None:
    words = shlex.join([sys.executable, str(STEPS), "runs"])
    run = start("run", "--restarts", "1", "--", "sh", "-c", f"{words}; true")
    run.begun()
    os.kill(run.pid, signal.SIGKILL)
    run.says(r"^run-\S+ died: its process is gone; it is started again in 1 s")
    assert run.begun().startswith("attempt 2")
    run.do("stop")
    assert run.code() == 0


@pytest.mark.parametrize(("order", "code", "said"), [("exit 9", 1, "its process is gone"), ("stop", 0, None)])
def test_a_run_of_somebody_else_is_watched(order: str, code: int, said: str | None, start: Start) -> None:
    run = start("sh", "-c", shlex.join([sys.executable, str(STEPS), "runs"]))
    run.begun()
    watch = start("watch", "last")
    run.step()
    watch.says("^watching run-")
    run.do(order)
    assert watch.code() == code
    assert watch.said.splitlines()[1:] == ([] if said is None else [watch.says(f"^run-\\S+ died: {said}$")[0]])


def test_one_that_died_goes_on_under_the_watcher_if_that_knows_the_command(start: Start, tmp_path: Path) -> None:
    run = start("sh", "-c", shlex.join([sys.executable, str(STEPS), "runs"]))
    first = run.begun()
    watch = start("watch", "last", "--restarts", "1", "--", sys.executable, STEPS, tmp_path / "runs")
    watch.says("^watching run-")
    os.kill(run.pid, signal.SIGKILL)
    second = watch.begun()
    assert (second.split()[:2], second.split()[3]) == (["attempt", "2"], first.split()[3])
    watch.do("stop")
    assert watch.code() == 0


def test_a_watcher_that_is_ended_leaves_the_run_alone(start: Start) -> None:
    run = start("sh", "-c", shlex.join([sys.executable, str(STEPS), "runs"]))
    run.begun()
    watch = start("watch", "last")
    watch.says("^watching run-")
    watch.process.send_signal(signal.SIGINT)
    assert watch.code() == 130
    run.step()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--stalled-after", "3 epochs", "true"], "--stalled-after '3 epochs' must be a time"),
        (["watch", "last", "--restarts", "3"], "--restarts needs the command that is started again"),
        (["watch", "last"], "There is no run in runs, so none is the last"),
        (["run", "--alert", "$NOBODY_SET_THIS", "true"], "NOBODY_SET_THIS"),
        (["run", "--alert", "mailtos://me:secret@example.org", "true"], "must name its secret"),
        (["run"], "Missing argument"),
    ],
)
def test_wrong_usage_is_refused_before_anything_begins(arguments: list[str], message: str) -> None:
    done = subprocess.run([*LINESIDE, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode in (1, 2)
    assert message in done.stderr
