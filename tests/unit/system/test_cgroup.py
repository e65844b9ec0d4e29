from __future__ import annotations

from pathlib import Path

import pytest

from lineside.system.cgroup import Cgroup, MemoryUse

GIB = 2**30


def put(root: Path, files: dict[str, object]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n", "utf-8")
    return root


def version_2(root: Path, group: str = "/", **files: object) -> Path:
    level = f"sys/fs/cgroup/{group.strip('/')}".rstrip("/")
    return put(
        root,
        {"proc/self/cgroup": f"0::{group}", "sys/fs/cgroup/cgroup.controllers": "cpu io memory pids"}
        | {f"{level}/{name.replace('__', '.')}": content for name, content in files.items()},
    )


def test_a_container_of_version_2_sees_its_limits_at_the_root(tmp_path: Path) -> None:
    stat = f"anon 1\nfile 5\ninactive_file {GIB}\nactive_file 7"
    root = version_2(
        tmp_path, memory__max=4 * GIB, memory__current=3 * GIB, memory__stat=stat, cpu__max="150000 100000"
    )
    cgroup = Cgroup(root)
    assert cgroup.memory() == MemoryUse(2 * GIB, 4 * GIB)
    assert MemoryUse(2 * GIB, 4 * GIB).percent == 50.0
    assert cgroup.cpus() == 1.5


def test_no_limit_of_version_2_is_none(tmp_path: Path) -> None:
    cgroup = Cgroup(version_2(tmp_path, memory__max="max", memory__current=5, cpu__max="max 100000"))
    assert (cgroup.memory(), cgroup.cpus()) == (None, None)


def test_the_limits_of_groups_above_bind_too(tmp_path: Path) -> None:
    version_2(tmp_path, "/job/step", memory__max=8 * GIB, memory__current=2 * GIB, cpu__max="max 100000")
    put(
        tmp_path,
        {
            "sys/fs/cgroup/job/memory.max": 4 * GIB,
            "sys/fs/cgroup/job/memory.current": 3 * GIB,
            "sys/fs/cgroup/job/cpu.max": "200000 50000",
        },
    )
    cgroup = Cgroup(tmp_path)
    assert cgroup.memory() == MemoryUse(3 * GIB, 4 * GIB)  # three quarters full, its child one quarter
    assert cgroup.cpus() == 4.0


def test_a_path_of_the_machine_that_does_not_exist_inside_is_passed_over(tmp_path: Path) -> None:
    root = version_2(tmp_path, memory__max=GIB, memory__current=GIB // 2)
    put(root, {"proc/self/cgroup": "0::/kubepods/burstable/pod1/abc"})
    assert Cgroup(root).memory() == MemoryUse(GIB // 2, GIB)


def test_a_group_outside_of_what_is_seen_counts_as_the_root(tmp_path: Path) -> None:
    root = version_2(tmp_path, memory__max=GIB, memory__current=0)
    put(root, {"proc/self/cgroup": "0::/../other", "sys/fs/other/memory.max": 1, "sys/fs/other/memory.current": 1})
    assert Cgroup(root).memory() == MemoryUse(0, GIB)


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
def test_version_1_has_a_mount_for_each_controller(tmp_path: Path, mount: str) -> None:
    table = "12:pids:/docker/abc\n5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc"
    root = put(
        tmp_path,
        {
            "proc/self/cgroup": table,
            "sys/fs/cgroup/memory/memory.limit_in_bytes": 2 * GIB,
            "sys/fs/cgroup/memory/memory.usage_in_bytes": 2 * GIB,
            "sys/fs/cgroup/memory/memory.stat": f"cache 5\ninactive_file 3\ntotal_inactive_file {GIB}",
            f"sys/fs/cgroup/{mount}/cpu.cfs_quota_us": 50000,
            f"sys/fs/cgroup/{mount}/cpu.cfs_period_us": 100000,
        },
    )
    cgroup = Cgroup(root)
    assert cgroup.memory() == MemoryUse(GIB, 2 * GIB)
    assert cgroup.cpus() == 0.5


def test_no_limit_of_version_1_is_a_huge_number_and_minus_one(tmp_path: Path) -> None:
    root = put(
        tmp_path,
        {
            "proc/self/cgroup": "5:memory:/\n4:cpu:/\n0::/",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": 9223372036854771712,
            "sys/fs/cgroup/memory/memory.usage_in_bytes": 5,
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": -1,
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": 100000,
        },
    )
    cgroup = Cgroup(root)
    assert (cgroup.memory(), cgroup.cpus()) == (None, None)


def test_both_versions_at_once(tmp_path: Path) -> None:
    root = put(
        tmp_path,
        {
            "proc/self/cgroup": "5:memory:/\n0::/job",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": GIB,
            "sys/fs/cgroup/memory/memory.usage_in_bytes": GIB // 4,
            "sys/fs/cgroup/unified/cgroup.controllers": "cpu",
            "sys/fs/cgroup/unified/job/cpu.max": "300000 100000",
        },
    )
    cgroup = Cgroup(root)
    assert cgroup.memory() == MemoryUse(GIB // 4, GIB)
    assert cgroup.cpus() == 3.0


def test_a_system_without_control_groups_has_no_limits(tmp_path: Path) -> None:
    cgroup = Cgroup(tmp_path)
    assert (cgroup.memory(), cgroup.cpus()) == (None, None)


def test_use_cannot_be_negative_and_a_broken_file_is_no_limit(tmp_path: Path) -> None:
    root = version_2(
        tmp_path, memory__max=GIB, memory__current=5, memory__stat=f"inactive_file {GIB}", cpu__max="100000 0"
    )
    assert Cgroup(root).memory() == MemoryUse(0, GIB)
    assert Cgroup(root).cpus() is None
    put(root, {"sys/fs/cgroup/memory.max": "lots"})
    assert Cgroup(root).memory() is None


def test_limits_that_change_are_seen(tmp_path: Path) -> None:
    cgroup = Cgroup(version_2(tmp_path, memory__max=GIB, memory__current=0))
    put(tmp_path, {"sys/fs/cgroup/memory.max": 2 * GIB})
    assert cgroup.memory() == MemoryUse(0, 2 * GIB)


def test_the_machine_that_runs_the_tests_can_be_read() -> None:
    cgroup = Cgroup()
    memory, cpus = cgroup.memory(), cgroup.cpus()
    assert memory is None or 0 <= memory.used <= 2 * memory.limit
    assert cpus is None or cpus > 0


def test_kills_for_want_of_memory_are_counted_on_every_level(tmp_path: Path) -> None:
    version_2(tmp_path, "/job/step", memory__events="low 0\noom 3\noom_kill 2\noom_group_kill 0")
    put(tmp_path, {"sys/fs/cgroup/job/memory.events": "oom 9\noom_kill 5"})
    assert Cgroup(tmp_path).killed_for_memory() == 7
    assert Cgroup(version_2(tmp_path / "nobody")).killed_for_memory() is None


def test_version_1_counts_them_as_well_and_for_another_process(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "proc/77/cgroup": "4:memory:/job",
            "sys/fs/cgroup/memory/job/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1",
            "sys/fs/cgroup/memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0",
        },
    )
    assert Cgroup(tmp_path, 77).killed_for_memory() == 1
