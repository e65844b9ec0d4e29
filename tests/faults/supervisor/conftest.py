"""A command under `lineside run`, as a test drives it."""

from __future__ import annotations

import os
import re
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

import pytest

LINESIDE: Final = (sys.executable, "-m", "lineside")
STEPS: Final = Path(__file__).with_name("steps.py")
PATIENCE: Final = 90.0
"""Seconds until a test gives up; nothing takes as long as a second on an idle machine but an import."""


class Supervised:
    """A process of `lineside run` or `lineside watch`; its errors go into a file."""

    def __init__(self, directory: Path, command: Sequence[str | Path]) -> None:
        self.directory = directory
        self._errors = directory / f"stderr-{secrets.token_hex(4)}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LINESIDE_")}
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                list(map(str, command)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=directory,
                env=environment | {"LINESIDE_ADVICE": "off", "XDG_STATE_HOME": str(directory / "state")},
                start_new_session=True,
                bufsize=0,  # what lies in a buffer does not wake `select`
            )
        self._output = self.process.stdout
        self.pid = 0

    def line(self) -> str:
        """Return the next line that the command prints."""
        return line_of(self._output, self)

    def begun(self) -> str:
        """Wait until the run is open; return the line that says so, and remember its process."""
        line = self.line()
        self.pid = int(line.rpartition(" ")[2])
        return line

    def do(self, what: str) -> None:
        """Let the run do something at its next step, and do not wait for it."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{what}\n".encode())
        self.process.stdin.flush()

    def step(self) -> None:
        """Let it make a step."""
        self.do("step")
        assert self.line().startswith("step ")

    @property
    def said(self) -> str:
        """What the supervisor has said so far."""
        lines = self._errors.read_text().splitlines()
        return "\n".join(line.removeprefix("lineside: ") for line in lines if line.startswith("lineside: "))

    def says(self, pattern: str) -> re.Match[str]:
        """Wait until it says something."""
        found = wait_until(lambda: re.search(pattern, self.said, re.MULTILINE), f"{pattern!r} in what was said", self)
        assert isinstance(found, re.Match)
        return found

    def code(self) -> int:
        """Wait for the end; return the exit code."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        for group in (self.pid, self.process.pid):
            if group:
                try:
                    os.killpg(group, signal.SIGCONT)
                    os.killpg(group, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


def line_of(stream: IO[bytes] | None, of: Supervised) -> str:
    assert stream is not None
    assert select.select([stream], [], [], PATIENCE)[0], of._errors.read_text()
    line = stream.readline().decode().rstrip("\n")
    assert line, of._errors.read_text()
    return line


def wait_until(happens: Callable[[], object], what: str, of: Supervised | None = None) -> object:
    deadline = time.monotonic() + PATIENCE
    while not (found := happens()):
        assert time.monotonic() < deadline, f"never: {what}; {of._errors.read_text() if of is not None else ''}"
        time.sleep(0.02)
    return found


Start = Callable[..., Supervised]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `lineside` with arguments, or a shell that becomes it; nothing of it is left behind."""
    started: list[Supervised] = []

    def begin(*arguments: str | Path) -> Supervised:
        started.append(Supervised(tmp_path, [*LINESIDE, *arguments] if arguments[0] != "sh" else arguments))
        return started[-1]

    yield begin
    for one in started:
        one.end()


@pytest.fixture
def memory_group() -> Iterator[Path]:
    """Make a control group with 200 MB of memory and no swap; skip where this machine lets nobody make one."""
    own = {
        controllers: path
        for _, controllers, path in (line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines())
    }
    root = Path("/sys/fs/cgroup")
    old = "memory" in own
    group = (
        (root / "memory" if old else root) / own.get("memory", own.get("", "/")).lstrip("/") / f"lineside-{os.getpid()}"
    )
    limit = group / ("memory.limit_in_bytes" if old else "memory.max")
    try:
        group.mkdir()
        limit.write_text(str(200 * 10**6))
    except OSError as error:
        with suppress(OSError):
            group.rmdir()
        pytest.skip(f"no control group with a limit for memory can be made here: {error}")
    with suppress(OSError):
        (group / ("memory.memsw.limit_in_bytes" if old else "memory.swap.max")).write_text(
            str(200 * 10**6) if old else "0"
        )
    yield group
    wait_until(lambda: not (group / "cgroup.procs").read_text(), "that its control group is empty")
    group.rmdir()


@pytest.fixture
def steps(start: Start, tmp_path: Path) -> Start:
    """Supervise a run that moves when it is told to."""

    def begin(*options: str | Path) -> Supervised:
        return start("run", *options, "--", sys.executable, STEPS, tmp_path / "runs")

    return begin
