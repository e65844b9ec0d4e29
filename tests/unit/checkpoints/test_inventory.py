from __future__ import annotations

import os
from pathlib import Path

from lineside.checkpoints.inventory import take_inventory


def test_files_have_sizes_and_directories_come_before_what_they_hold(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "deep").write_bytes(b"123")
    (tmp_path / "top").write_bytes(b"")
    inventory = take_inventory(tmp_path)
    assert inventory.files == {"a/b/deep": 3, "top": 0}
    assert inventory.directories == ["a", "a/b"]
    assert inventory.foreign == {}


def test_what_has_no_place_is_named_and_never_followed(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file-link").symlink_to("/etc/passwd")
    (tmp_path / "directory-link").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")
    assert take_inventory(tmp_path).foreign == {
        "empty": "an empty directory",
        "file-link": "a link",
        "directory-link": "a link",
        "pipe": "neither a file nor a directory",
    }
