"""Appending to a file, all or nothing."""

from __future__ import annotations

import errno
from pathlib import Path


def append_whole(path: Path, data: bytes) -> None:
    """Put `data` behind what a file holds, with one call to the system, so that no kill cuts it short.

    Raises:
        OSError: such as a full disk; the file is as it was.
    """
    with path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            # Without a buffer a write may end early, as on a full disk; half a record must not stay.
            if file.write(data) != len(data):
                raise OSError(errno.ENOSPC, "could not be written whole", str(path))
        except OSError:
            file.truncate(before)
            raise
