from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start Python programs that talk through their standard input and output; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start_one(program: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, *map(str, arguments)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def times() -> Callable[[int, int], range]:
    """How often a fault is injected: the first number in CI, the second by `make faults`."""
    full = os.environ.get("LINESIDE_FAULTS") == "full"
    return lambda few, many: range(many if full else few)


def line(process: subprocess.Popen[str]) -> str:
    """Return the next line that a program prints; an empty one means that it died, and its error stands above."""
    assert process.stdout is not None
    text = process.stdout.readline().strip()
    assert text, "the program died"
    return text


@pytest.fixture
def next_line() -> Callable[[subprocess.Popen[str]], str]:
    return line


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "run.db"
