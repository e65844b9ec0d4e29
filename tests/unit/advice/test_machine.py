from __future__ import annotations

from pathlib import Path

import pytest

from lineside import files
from lineside.advice import machine_facts

TABLE = """\
22 1 0:21 / / rw - overlay overlay rw
23 22 0:22 / /data rw - ext4 /dev/sdb rw
24 22 0:23 / /dev/shm rw - tmpfs tmpfs rw
"""


@pytest.fixture(autouse=True)
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    monkeypatch.setattr(files, "_MOUNT_TABLE", table)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


@pytest.mark.parametrize(
    ("directory", "mount", "filesystem"),
    [("/runs", "/", "overlay"), ("/data/not/yet/there", "/data", "ext4"), ("/dev/shm/a", "/dev/shm", "tmpfs")],
)
def test_it_tells_what_is_mounted_where_runs_go(directory: str, mount: str, filesystem: str, tmp_path: Path) -> None:
    facts = machine_facts(directory, root=tmp_path)
    assert (facts.mount, facts.filesystem, facts.directory) == (mount, filesystem, directory)
    assert facts.container is None


@pytest.mark.parametrize(("mark", "kind"), [(".dockerenv", "docker"), ("run/.containerenv", "podman")])
def test_a_container_is_known_by_the_mark_of_its_engine(mark: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / mark).parent.mkdir(exist_ok=True)
    (tmp_path / mark).touch()
    assert machine_facts("/runs", root=tmp_path).container == kind


def test_a_pod_is_known_by_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert machine_facts("/runs", root=tmp_path).container == "kubernetes"


def test_where_no_mounts_are_known_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_mounts", list)
    facts = machine_facts("/runs", root=tmp_path)
    assert (facts.mount, facts.filesystem) == (None, None)
