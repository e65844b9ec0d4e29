"""What lies in a checkpoint's directory, looked at without following a link or opening a file."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Inventory:
    """Relative names: files with their size in bytes, directories, and what has no place in a checkpoint, in words."""

    files: dict[str, int] = field(default_factory=dict)
    directories: list[str] = field(default_factory=list)
    foreign: dict[str, str] = field(default_factory=dict)


def take_inventory(root: Path) -> Inventory:
    """List everything below `root`.

    Raises:
        OSError: a directory cannot be read.
    """
    inventory = Inventory()
    _look(root, "", inventory)
    return inventory


def _look(directory: Path, prefix: str, inventory: Inventory) -> None:
    with os.scandir(directory) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    if prefix and not found:
        inventory.foreign[prefix.rstrip("/")] = "an empty directory"
    for entry in found:
        name = prefix + entry.name
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            inventory.directories.append(name)
            _look(directory / entry.name, name + "/", inventory)
        elif stat.S_ISREG(status.st_mode):
            inventory.files[name] = status.st_size
        else:
            inventory.foreign[name] = "a link" if stat.S_ISLNK(status.st_mode) else "neither a file nor a directory"
