from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from lineside.errors import MissingDependency
from lineside.system import meter as module
from lineside.system.meter import Meter
from lineside.testing import FakeClock
from tests.unit.system.fake_nvml import FakeNvml, Gpu
from tests.unit.system.test_cgroup import version_2

MIB, GIB = 2**20, 2**30


class Card(NamedTuple):
    bytes_recv: int
    bytes_sent: int


class Swap(NamedTuple):
    sin: int
    sout: int


def make(root: Path, **options: Any) -> Meter:
    """Return a meter over an empty root, without GPUs."""
    return Meter(options.pop("directory", None), root=root, **{"gpu": False, "network": False, **options})


def without(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(module, "find_spec", lambda wanted: None if wanted == name else real(wanted))


def with_nvml(monkeypatch: pytest.MonkeyPatch, nvml: FakeNvml) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setattr(module, "find_spec", lambda name: object())


def test_the_real_machine(tmp_path: Path) -> None:
    meter = Meter(tmp_path, gpu=False)
    first, second = meter.look(), meter.look()
    for name in ("rss_gib", "memory_percent", "memory_limit_gib", "disk_free_gib", "disk_free_percent", "cpus"):
        assert first[f"system/{name}"] > 0, name
    assert first["system/memory_percent"] <= 100
    assert {"system/cpu_percent", "system/swap_mib_s"} <= second.keys() - first.keys()
    assert meter.notes() == []


def test_the_cpus_are_those_that_the_process_may_use(tmp_path: Path) -> None:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert make(tmp_path).cpus == allowed
    assert make(version_2(tmp_path, cpu__max="50000 100000")).cpus == 0.5
    assert make(version_2(tmp_path, cpu__max="99900000 100000")).cpus == allowed


def test_whichever_memory_is_fuller_counts_the_machine_or_the_container(tmp_path: Path) -> None:
    root = version_2(tmp_path, memory__max=4 * GIB, memory__current=4 * GIB)
    values = make(root).look()
    assert (values["system/memory_percent"], values["system/memory_limit_gib"]) == (100.0, 4.0)
    values = make(version_2(tmp_path, memory__max=4 * GIB, memory__current=0)).look()
    assert values["system/memory_percent"] > 0
    assert values["system/memory_limit_gib"] == psutil.virtual_memory().total / GIB


def test_rates_are_those_since_the_last_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    cards = {"lo": Card(9 * MIB, 9 * MIB), "eth0": Card(100 * MIB, 0), "ib0": Card(0, 10 * MIB)}
    swaps = [Swap(MIB, MIB), Swap(5 * MIB, 3 * MIB), Swap(0, 0), Swap(MIB, 0)]
    monkeypatch.setattr(psutil, "net_io_counters", lambda pernic: cards)
    monkeypatch.setattr(psutil, "swap_memory", lambda: swaps.pop(0))
    meter = make(tmp_path, network=True, clock=clock.monotonic)
    rates = ("network_received_mib_s", "network_sent_mib_s", "swap_mib_s")

    def look() -> list[float | None]:
        clock.advance(2.0)
        values = meter.look()
        return [values.get(f"system/{name}") for name in rates]

    assert look() == [None, None, None]
    cards |= {"lo": Card(999 * MIB, 999 * MIB), "eth0": Card(104 * MIB, 6 * MIB)}
    assert look() == [2.0, 3.0, 3.0]
    assert look() == [0.0, 0.0, None]  # the machine's counter began anew
    assert look() == [0.0, 0.0, 0.5]


def test_cpu_and_disk_rates_are_of_the_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    meter = make(version_2(tmp_path, cpu__max="50000 100000"), clock=clock.monotonic)
    use = module.ProcessTree(psutil).look()
    use.cpu_seconds, use.read, use.written, use.pss = 1.5, 8 * MIB, None, None
    monkeypatch.setattr(meter._tree, "look", lambda: use)
    assert "system/cpu_percent" not in meter.look()
    clock.advance(4.0)
    values = meter.look()
    assert values["system/cpu_percent"] == 75.0  # 1.5 of the 2 seconds that half a CPU has
    assert values["system/disk_read_mib_s"] == 2.0
    assert not {"system/disk_write_mib_s", "system/pss_gib"} & values.keys()


def test_what_is_switched_off_is_not_looked_at(tmp_path: Path) -> None:
    meter = make(tmp_path)
    meter.look()
    assert not [name for name in meter.look() if "network" in name or "disk_free" in name or "gpu" in name]


def test_a_part_that_fails_is_said_once_and_the_rest_is_there(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    directory.mkdir()
    meter = make(tmp_path, directory=directory)
    assert "system/disk_free_gib" in meter.look()
    shutil.rmtree(directory)
    for _ in range(2):
        values = meter.look()
        assert "system/disk_free_gib" not in values
        assert "system/memory_percent" in values
    (note,) = meter.notes()
    assert note.startswith("disk cannot be watched: ")
    assert meter.notes() == []
    directory.mkdir()
    assert "system/disk_free_gib" in meter.look()


def test_gpus_stand_beside_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_nvml(monkeypatch, FakeNvml(Gpu(busy=40, refuses={"power"})))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    meter = make(tmp_path, gpu="auto")
    assert meter.look()["system/gpu0/utilization_percent"] == 40.0
    assert meter.notes() == ["gpu0 does not tell its power (Not Supported); it is left out."]
    assert meter.notes() == []


@pytest.mark.parametrize(("gpu", "driver", "notes"), [("auto", False, 0), ("auto", True, 1), (True, False, 1)])
def test_a_silent_driver_is_worth_a_word_where_one_was_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpu: Any, driver: bool, notes: int
) -> None:
    with_nvml(monkeypatch, FakeNvml(driver="Driver Not Loaded"))
    _driver(tmp_path, there=driver)
    assert len(make(tmp_path, gpu=gpu).notes()) == notes


@pytest.mark.parametrize("driver", [False, True])
def test_without_the_library_of_nvidia_a_driver_is_worth_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: bool
) -> None:
    without(monkeypatch, "pynvml")
    _driver(tmp_path, there=driver)
    notes = make(tmp_path, gpu="auto").notes()
    assert [("pip install 'lineside[system]'" in note) for note in notes] == [True] * driver


def _driver(root: Path, *, there: bool) -> None:
    if there:
        (root / "proc/driver/nvidia").mkdir(parents=True)
        (root / "proc/driver/nvidia/version").write_text("NVRM version: 1\n", "utf-8")


def test_without_psutil_the_line_that_installs_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "psutil")
    with pytest.raises(MissingDependency, match=r"psutil.*pip install 'lineside\[system\]'"):
        make(tmp_path)


def test_gpus_that_are_asked_for_need_the_library_of_nvidia(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "pynvml")
    with pytest.raises(MissingDependency, match="nvidia-ml-py"):
        make(tmp_path, gpu=[0])
