from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lineside.store import locked_append

WRITER = """
import sys
from pathlib import Path
from lineside.store import locked_append
for number in range(200):
    locked_append(Path(sys.argv[1]), f"{sys.argv[2]} {number} {'x' * 3000}\\n".encode())
"""


def test_lines_are_appended(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    locked_append(path, b"one\n")
    locked_append(path, b"two\nthree\n")
    assert path.read_bytes() == b"one\ntwo\nthree\n"


@pytest.mark.parametrize("tail", [b"torn", b"x" * 200_000])
@pytest.mark.parametrize("whole", [b"", b"one\n", b"one\ntwo\n"])
def test_a_torn_line_is_cut_off(tmp_path: Path, whole: bytes, tail: bytes) -> None:
    path = tmp_path / "file.jsonl"
    path.write_bytes(whole + tail)
    locked_append(path, b"new\n")
    assert path.read_bytes() == whole + b"new\n"


def test_an_unfinished_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must end with a newline"):
        locked_append(tmp_path / "file.jsonl", b"one\ntwo")
    assert list(tmp_path.iterdir()) == []


def test_processes_and_threads_do_not_mix_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    processes = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in ("a", "b")]
    threads = [
        threading.Thread(
            target=lambda name=name: [locked_append(path, f"{name} {n} {'x' * 3000}\n".encode()) for n in range(200)]
        )
        for name in ("c", "d")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait() for process in processes] == [0, 0]
    lines = path.read_text().splitlines()
    assert {line.split()[2] for line in lines} == {"x" * 3000}
    for name in "abcd":
        assert [int(line.split()[1]) for line in lines if line.startswith(name)] == list(range(200))
