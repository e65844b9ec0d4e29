from __future__ import annotations

import signal
from pathlib import Path

import pytest

from lineside.reports.appending import append_whole


def test_data_comes_behind_what_is_there(tmp_path: Path) -> None:
    for data in (b"a", b"", b"bc"):
        append_whole(tmp_path / "file", data)
    assert (tmp_path / "file").read_bytes() == b"abc"


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "file"
    append_whole(path, b"before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(OSError, match="file"):
            append_whole(path, b"much too long")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == b"before"
