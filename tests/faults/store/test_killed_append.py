"""A file that ranks share holds whole lines alone, also after one of them was killed."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from lineside.store import locked_append

pytestmark = pytest.mark.faults

WRITER = """
import sys
from pathlib import Path
from lineside.store import locked_append
number = 0
while True:
    locked_append(Path(sys.argv[1]), f"{number} {'x' * 200_000}\\n".encode())
    print(number, flush=True)
    number += 1
"""


def test_the_next_append_leaves_whole_lines_alone(start, next_line, times, tmp_path: Path) -> None:
    draw = random.Random(0)
    for kill in times(5, 100):
        path = tmp_path / str(kill)
        process = start(WRITER, path)
        next_line(process)
        time.sleep(draw.random() * 0.01)  # anywhere within the next appends
        process.kill()
        told = [0, *map(int, process.stdout)]
        process.wait()
        locked_append(path, b"-1 end\n")
        *lines, end = path.read_bytes().splitlines()
        assert end == b"-1 end"
        assert [line.split()[0] for line in lines] == [str(number).encode() for number in range(len(lines))]
        assert {line.split()[1] for line in lines} == {b"x" * 200_000}
        assert len(lines) > max(told)
