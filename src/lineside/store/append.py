"""Appending whole records to a file that several processes share."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Final

if sys.platform != "win32":
    import fcntl

_BLOCK: Final = 1 << 16
_ONE_AT_A_TIME: Final = threading.Lock()
"""A POSIX lock belongs to the process: threads need one of their own, and one that closes the file drops it for all."""


def locked_append(path: Path, data: bytes) -> None:
    """Append lines to a file that other ranks append to as well: none is torn, none is mixed with another.

    A line that a killed process left unfinished is cut off first. A POSIX record lock is held meanwhile, which ends
    with the process; on Windows only the threads of this process are kept apart.

    Args:
        path: the file; made if it is missing.
        data: one or more lines, with the newline of the last.

    Raises:
        ValueError: `data` does not end with a newline.
        OSError: it could not be written, and the file is as it was before.
    """
    if not data.endswith(b"\n"):
        raise ValueError(
            f"What is appended to {path} must end with a newline, or the next record would be joined to it."
        )
    with _ONE_AT_A_TIME, path.open("ab+", buffering=0) as file:
        if sys.platform != "win32":
            fcntl.lockf(file, fcntl.LOCK_EX)
        end = _end_of_last_line(file.fileno())
        if end != file.seek(0, os.SEEK_END):
            file.truncate(end)
        try:
            written = 0
            while written < len(data):
                written += file.write(data[written:])
        except BaseException:
            file.truncate(end)
            raise


def _end_of_last_line(descriptor: int) -> int:
    end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - _BLOCK)
        os.lseek(descriptor, start, os.SEEK_SET)
        newline = os.read(descriptor, end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0
