"""Disk and memory, as the supervisor looks at them."""

from __future__ import annotations

from pathlib import Path

from lineside.supervisor.disk import Disk, room_on
from lineside.supervisor.memory import Memory


def test_a_disk_is_full_below_the_limit_and_has_room_again_well_above_it(tmp_path: Path) -> None:
    left = [2_000, 999, 1_100, 1_200, 999]
    disk = Disk(1_000, lambda path: (left.pop(0), None))
    assert [disk.look(tmp_path) for _ in range(5)] == [False, True, True, False, True]
    assert disk.left == 999


def test_a_disk_without_room_for_another_file_is_full(tmp_path: Path) -> None:
    assert Disk(1, lambda path: (10**12, 3)).look(tmp_path)


def test_a_disk_that_does_not_answer_is_as_it_was(tmp_path: Path) -> None:
    assert not Disk(10**18).look(tmp_path / "gone")
    assert room_on(tmp_path)[0] > 0


def put(root: Path, kills: int | None, on_machine: int) -> None:
    for path, text in (
        ("proc/9/cgroup", "0::/job"),
        ("sys/fs/cgroup/cgroup.controllers", "memory"),
        ("proc/vmstat", f"pgfault 5\noom_kill {on_machine}"),
        *([] if kills is None else [("sys/fs/cgroup/job/memory.events", f"oom 1\noom_kill {kills}")]),
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{text}\n")


def test_a_kill_in_the_groups_of_the_process_is_for_want_of_memory(tmp_path: Path) -> None:
    put(tmp_path, 2, 7)
    memory = Memory(9, tmp_path)
    assert not memory.ran_out()
    put(tmp_path, 3, 7)
    assert memory.ran_out()


def test_where_no_group_counts_the_machine_does_and_old_kills_are_those_of_others(tmp_path: Path) -> None:
    now = [0.0]
    put(tmp_path, None, 7)
    memory = Memory(9, tmp_path, lambda: now[0])
    put(tmp_path, None, 8)
    assert memory.ran_out()
    for now[0] in (20.0, 40.0):
        memory.look()
    assert not memory.ran_out()
    put(tmp_path, None, 9)
    assert memory.ran_out()


def test_a_system_without_counters_has_not_run_out(tmp_path: Path) -> None:
    assert not Memory(9, tmp_path).ran_out()
