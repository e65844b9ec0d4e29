"""Whether the disk of a run is full."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

_ENOUGH_AGAIN: Final = 1.2
"""How much more than the limit must be free for it to be over, so that it does not begin and end all the time."""
_FEW_FILES: Final = 1000
"""Files that must still fit; a disk that has no room for another name is as full as one without bytes."""


class Disk:
    """Looks at the filesystem that holds a path.

    Args:
        below: bytes left, below which it is full.
        look: tells bytes and files that are left for a path.
    """

    def __init__(self, below: int, look: Callable[[Path], tuple[int, int | None]] | None = None) -> None:
        self._below = below
        self._look = look or room_on
        self.left = 0
        self.full = False

    def look(self, path: Path) -> bool:
        """Look once, and tell whether it is full; a path that is gone tells nothing new."""
        try:
            self.left, files = self._look(path)
        except OSError:
            return self.full
        limit = self._below * (_ENOUGH_AGAIN if self.full else 1.0)
        self.full = self.left < limit or (files is not None and files < _FEW_FILES)
        return self.full


def room_on(path: Path) -> tuple[int, int | None]:
    """Return bytes and files for which there is room; None where the filesystem does not count files."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None
