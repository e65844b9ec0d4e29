from __future__ import annotations

from typing import Any

import pytest

from lineside.system.gpus import Gpus
from tests.unit.system.fake_nvml import GIB, FakeNvml, Gpu


def test_a_gpu_tells_what_it_does() -> None:
    gpus = Gpus(FakeNvml(Gpu(busy=75, used=2 * GIB, total=8 * GIB, watts=250.0, celsius=64)), "auto", {})
    assert gpus.read() == {
        "gpu0/utilization_percent": 75.0,
        "gpu0/memory_gib": 2.0,
        "gpu0/memory_percent": 25.0,
        "gpu0/temperature_celsius": 64.0,
        "gpu0/power_watts": 250.0,
    }
    assert gpus.notes == []


FOUR = [Gpu(f"GPU-{letter * 4}", busy=number) for number, letter in enumerate("abcd")]


@pytest.mark.parametrize(
    ("choice", "environment", "watched"),
    [
        ("auto", {}, [0, 1, 2, 3]),
        (True, {}, [0, 1, 2, 3]),
        ("auto", {"CUDA_VISIBLE_DEVICES": "2,0"}, [2, 0]),
        ("auto", {"CUDA_VISIBLE_DEVICES": " 3 "}, [3]),
        ("auto", {"CUDA_VISIBLE_DEVICES": ""}, []),
        ("auto", {"CUDA_VISIBLE_DEVICES": "0,-1,1"}, [0]),
        ("auto", {"CUDA_VISIBLE_DEVICES": "GPU-cc"}, [2]),
        ("auto", {"WORLD_SIZE": "4", "LOCAL_RANK": "1"}, [1]),
        ("auto", {"CUDA_VISIBLE_DEVICES": "2,3", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}, [3]),
        ("auto", {"WORLD_SIZE": "1", "LOCAL_RANK": "0"}, [0, 1, 2, 3]),
        ([1, "GPU-dddd"], {"CUDA_VISIBLE_DEVICES": "0"}, [1, 3]),
        ([], {}, []),
    ],
)
def test_the_gpus_of_this_process_are_watched(choice: Any, environment: dict[str, str], watched: list[int]) -> None:
    gpus = Gpus(FakeNvml(*FOUR), choice, environment)
    busy = [value for name, value in gpus.read().items() if name.endswith("/utilization_percent")]
    assert busy == watched
    assert gpus.notes == []


def test_a_missing_driver_is_said_once_and_nothing_is_read() -> None:
    gpus = Gpus(FakeNvml(driver="Driver Not Loaded"), "auto", {})
    assert not gpus.answers
    assert gpus.notes == ["GPUs are not watched, because NVIDIA's driver does not answer: Driver Not Loaded."]
    assert gpus.read() == {}


def test_a_gpu_that_is_not_there_is_named_and_the_others_are_watched() -> None:
    gpus = Gpus(FakeNvml(*FOUR), [7, "GPU-zzzz", 1], {})
    assert gpus.notes == ["GPU 7 is not watched: Invalid Argument.", "GPU GPU-zzzz is not watched: Not Found."]
    assert gpus.read()["gpu0/utilization_percent"] == 1.0


def test_what_a_gpu_does_not_tell_is_said_once_and_left_out() -> None:
    gpus = Gpus(FakeNvml(Gpu(refuses={"power"}), Gpu()), "auto", {})
    first = gpus.read()
    assert "gpu0/power_watts" not in first
    assert {"gpu0/memory_percent", "gpu1/power_watts"} <= first.keys()
    assert gpus.notes == ["gpu0 does not tell its power (Not Supported); it is left out."]
    assert gpus.read() == first
    assert len(gpus.notes) == 1


def test_a_divided_gpu_shows_its_instances() -> None:
    instances = [
        Gpu("MIG-1", used=GIB, total=4 * GIB, refuses={"utilization"}),
        None,
        Gpu("MIG-2", used=3 * GIB, total=4 * GIB),
    ]
    gpus = Gpus(FakeNvml(Gpu("GPU-a", instances=instances), Gpu("GPU-b", busy=9)), "auto", {})
    values = gpus.read()
    assert {name: values[name] for name in values if name.endswith("memory_percent")} == {
        "gpu0.0/memory_percent": 25.0,
        "gpu0.1/memory_percent": 75.0,
        "gpu1/memory_percent": 25.0,
    }
    assert "gpu0.0/utilization_percent" not in values
    assert values["gpu1/utilization_percent"] == 9.0


def test_one_instance_is_found_by_its_uuid() -> None:
    divided = Gpu("GPU-a", instances=[Gpu("MIG-1", used=0), Gpu("MIG-2", used=2 * GIB, total=4 * GIB)])
    gpus = Gpus(FakeNvml(divided), "auto", {"CUDA_VISIBLE_DEVICES": "MIG-2"})
    assert gpus.read()["gpu0/memory_percent"] == 50.0


def test_notes_are_in_the_language_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    assert "没有响应" in Gpus(FakeNvml(driver="no"), "auto", {}).notes[0]


def test_the_real_library_is_asked_without_a_driver_too() -> None:
    nvml = pytest.importorskip("pynvml")
    gpus = Gpus(nvml, "auto", {})
    assert gpus.answers or len(gpus.notes) == 1
    assert all(value >= 0.0 for value in gpus.read().values())
