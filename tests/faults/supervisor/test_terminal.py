"""In a terminal: the training has the foreground, hears of Ctrl-C once, and is suspended and continued like any job."""

from __future__ import annotations

import os
import pty
import select
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.supervisor.conftest import LINESIDE, PATIENCE

pytestmark = pytest.mark.faults

SHOWS = """
import os, signal, sys, time
count = 0
def heard(number, frame):
    global count
    count += 1
signal.signal(signal.SIGINT, heard)
front = os.tcgetpgrp(0) == os.getpgrp()
print("tty", sys.stdin.isatty(), sys.stdout.isatty(), "front", front, os.get_terminal_size().columns, flush=True)
while sys.stdin.readline().strip() != "end":
    print("again", count, flush=True)
time.sleep(0.5)
print("heard", count, flush=True)
sys.exit(7)
"""


class Shell:
    """A shell with job control in a terminal of its own."""

    def __init__(self) -> None:
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(PS1="$ ", LINESIDE_ADVICE="off")
            os.execvp("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"])
        self._seen = ""

    def types(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def shows(self, words: str) -> str:
        """Wait until the terminal shows something new; return what stands before it."""
        deadline = time.monotonic() + PATIENCE
        while words not in self._seen:
            ready, _, _ = select.select([self._terminal], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"never: {words!r} in {self._seen!r}"
            self._seen += os.read(self._terminal, 4096).decode(errors="replace")
        before, _, self._seen = self._seen.partition(words)
        return before

    def close(self) -> None:
        os.kill(self.pid, signal.SIGHUP)
        os.close(self._terminal)
        os.waitpid(self.pid, 0)


@pytest.fixture
def shell() -> Iterator[Shell]:
    opened = Shell()
    opened.types("stty -echo cols 93\n")
    opened.shows("$ ")
    yield opened
    opened.close()


@pytest.mark.needs("bash")
def test_keys_reach_the_training_once_and_it_is_suspended_and_continued(shell: Shell, tmp_path: Path) -> None:
    script = tmp_path / "shows.py"
    script.write_text(SHOWS)
    shell.types(shlex.join([*LINESIDE, "run", "--restarts", "2", "--", sys.executable, str(script)]) + "\n")
    shell.shows("tty True True front True 93")
    shell.types("\x03")
    shell.types("line\n")
    shell.shows("again 1")
    shell.types("\x1a")
    shell.shows("Stopped")
    shell.types("echo the shell has it; fg\n")
    shell.shows("the shell has it")
    shell.types("line\n")
    shell.shows("again 1")
    shell.types("end\n")
    shell.shows("heard 1")
    # Its code is kept; the shell is in front again.
    shell.shows("died: exit code 7")
    shell.types("\x03")
    shell.shows("$ ")


@pytest.mark.needs("bash")
def test_what_a_killed_training_left_of_the_terminal_is_put_right(shell: Shell, tmp_path: Path) -> None:
    script = tmp_path / "raw.py"
    script.write_text(
        "import os, signal, sys, tty\n"
        "if os.path.exists('again'):\n"
        "    import termios\n"
        "    print('canonical', bool(termios.tcgetattr(0)[3] & termios.ICANON), flush=True)\n"
        "    sys.exit(0)\n"
        "open('again', 'w').close()\n"
        "tty.setraw(0)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    words = shlex.join([*LINESIDE, "run", "--restarts", "1", "--", sys.executable, str(script)])
    shell.types(f"cd {tmp_path} && {words}; echo code $?\n")
    shell.shows("canonical True")
    shell.shows("code 0")
