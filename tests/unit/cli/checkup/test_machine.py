from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lineside.cli.checkup import machine
from lineside.cli.checkup.machine import (
    VARIABLES,
    check_accelerator,
    check_container,
    check_encoding,
    check_machine,
    check_open_files,
    check_shared_memory,
    check_sqlite,
    check_variables,
)
from lineside.system.cgroup import Cgroup
from tests.architecture.repository import ROOT

GIB = 1 << 30


@pytest.mark.parametrize(
    ("found", "level"), [((3, 46, 1), "ok"), ((3, 31, 0), "ok"), ((3, 30, 9), "warning"), ((3, 23, 1), "error")]
)
def test_sqlite(found: tuple[int, ...], level: str) -> None:
    assert check_sqlite(found).level == level


@pytest.mark.parametrize(("total", "level"), [(64 << 20, "warning"), (8 * GIB, "ok")])
def test_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, total: int, level: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(total=total))
    (finding,) = check_shared_memory(tmp_path)
    assert finding.level == level
    assert ("--shm-size" in finding.remedy) == (level == "warning")
    assert list(check_shared_memory(tmp_path / "nowhere")) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of open files")
@pytest.mark.parametrize(
    ("soft", "hard", "level", "remedy"),
    [
        (256, 4096, "warning", "ulimit -n 4096"),
        (256, -1, "warning", "ulimit -n 65536"),
        (1024, 4096, "ok", ""),
        (-1, -1, "ok", ""),
    ],
)
def test_open_files(monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, level: str, remedy: str) -> None:
    import resource

    monkeypatch.setattr(resource, "RLIM_INFINITY", -1)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (soft, hard))
    (finding,) = check_open_files()
    assert (finding.level, finding.remedy) == (level, remedy)


def cgroup(root: Path, limit: int, used: int, cpus: str = "max 100000") -> Cgroup:
    """Return the group of a container of version 2."""
    level = root / "sys/fs/cgroup"
    level.mkdir(parents=True)
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text("0::/\n")
    for name, content in (
        ("cgroup.controllers", "cpu memory"),
        ("memory.max", str(limit)),
        ("memory.current", str(used)),
        ("memory.stat", "inactive_file 0"),
        ("cpu.max", cpus),
    ):
        (level / name).write_text(content + "\n")
    return Cgroup(root)


@pytest.mark.parametrize(
    ("limit", "used", "level"),
    [(16 * GIB, GIB, "ok"), (16 * GIB, 14 * GIB, "warning"), (GIB, 0, "warning")],
)
def test_memory_limit_of_a_container(tmp_path: Path, limit: int, used: int, level: str) -> None:
    (finding,) = check_container(cgroup(tmp_path, limit, used), 8)
    assert (finding.check, finding.level) == ("memory-limit", level)
    assert "killed" in finding.text


def test_cpu_limit_of_a_container(tmp_path: Path) -> None:
    group = cgroup(tmp_path, 16 * GIB, 0, "150000 100000")
    findings = {finding.check: finding for finding in check_container(group, 64)}
    assert findings["cpu-limit"].text.startswith("Only 1.5 of 64 CPUs may be used")
    assert "OMP_NUM_THREADS=2" in findings["cpu-limit"].remedy
    assert [finding.check for finding in check_container(group, 1)] == ["memory-limit"]


def test_without_a_limit_nothing_is_said(tmp_path: Path) -> None:
    assert list(check_container(Cgroup(tmp_path), 8)) == []


@pytest.mark.parametrize(
    ("build", "device", "found"), [("2.13.0+cpu", True, 1), ("2.13.0+cpu", False, 0), ("2.13.0", True, 0)]
)
def test_a_build_for_cpus_beside_a_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build: str, device: bool, found: int
) -> None:
    monkeypatch.setattr(machine, "version", lambda name: build)
    if device:
        (tmp_path / "proc/driver/nvidia").mkdir(parents=True)
        (tmp_path / "proc/driver/nvidia/version").touch()
    assert len(list(check_accelerator(tmp_path))) == found


def test_a_misspelt_variable_has_a_nearest() -> None:
    (finding,) = check_variables({"LINESIDE_LNAG": "zh", "LINESIDE_LANG": "zh", "HOME": "x"})
    assert "LINESIDE_LNAG" in finding.text
    assert finding.remedy == "Did you mean 'LINESIDE_LANG'?"


def test_all_variables_that_are_read_are_known() -> None:
    read = {
        name
        for path in (ROOT / "src").rglob("*.py")
        for name in re.findall(r"LINESIDE_[A-Z_]+", path.read_text("utf-8"))
    }
    assert read == {*VARIABLES}


@pytest.mark.parametrize(("encoding", "count"), [("utf-8", 0), ("UTF-8", 0), ("ascii", 1), ("gbk", 1), (None, 0)])
def test_a_terminal_that_shows_only_ascii(encoding: str | None, count: int) -> None:
    assert len(list(check_encoding(encoding))) == count


def test_this_machine_can_be_looked_at() -> None:
    checks = [finding.check for finding in check_machine(environment={})]
    assert checks[0] == "sqlite"


def test_findings_are_in_chinese_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    findings: list[Any] = list(check_container(cgroup(tmp_path, GIB, 0, "100000 100000"), 8))
    findings += [*check_variables({"LINESIDE_X": ""}), check_sqlite((3, 1))]
    assert all(not finding.text.isascii() for finding in findings)
