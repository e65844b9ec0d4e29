from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lineside.cli.checkup import place
from lineside.cli.checkup.place import check_filesystem, check_flush, check_lock, check_place, check_room
from lineside.files import FileLock, Mount


def test_a_good_place_is_good_and_left_as_it_was(tmp_path: Path) -> None:
    findings = list(check_place(tmp_path / "not" / "there" / "yet"))
    assert [finding.level for finding in findings if finding.check in ("run-dir", "flush", "lock")] == ["ok"]
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**options: Any) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(place.tempfile, "mkdtemp", refused)
    (finding,) = check_place(tmp_path)
    assert (finding.check, finding.level) == ("run-dir", "error")
    assert "Permission denied" in finding.text


@pytest.mark.parametrize("broken", ["fsync", "write_atomic", "rename"])
def test_what_a_commit_needs_is_tried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    assert list(check_flush(tmp_path)) == []

    def fails(*arguments: object) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(place, broken, fails)
    (finding,) = check_flush(tmp_path)
    assert (finding.check, finding.level) == ("flush", "error")


def test_a_lock_is_seen_by_another_process(tmp_path: Path) -> None:
    assert list(check_lock(tmp_path / ".lock")) == []


def test_locks_that_do_not_work_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place.subprocess, "run", lambda *arguments, **options: SimpleNamespace(stdout="False\n"))
    (finding,) = check_lock(tmp_path / ".lock")
    assert "another process does not see them" in finding.text

    def no_locks(self: FileLock) -> bool:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(FileLock, "acquire", no_locks)
    (finding,) = check_lock(tmp_path / ".lock")
    assert (finding.check, finding.level) == ("lock", "error")
    assert "No locks available" in finding.text


@pytest.mark.parametrize(
    ("mount", "network", "levels"),
    [
        (Mount("/", "ext4", shared=False), False, []),
        (Mount("/tmp", "tmpfs", shared=False), False, ["warning"]),
        (Mount("/data", "nfs4", shared=True), True, ["warning"]),
        (None, False, []),
    ],
)
def test_filesystems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mount: Mount | None, network: bool, levels: list[str]
) -> None:
    monkeypatch.setattr(place, "mount_of", lambda path: mount)
    monkeypatch.setattr(place, "is_network_filesystem", lambda path: network)
    assert [finding.level for finding in check_filesystem(tmp_path)] == levels


@pytest.mark.parametrize(("free", "level"), [(1 << 20, "warning"), (1 << 34, "ok")])
def test_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    (finding,) = check_room(tmp_path)
    assert finding.level == level
