from __future__ import annotations

from dataclasses import replace

import pytest

from lineside.reports.bottlenecks import RULES, Thresholds, bottlenecks
from lineside.reports.usage import Usage

HEALTHY = Usage(
    seconds=100.0,
    data_seconds=5.0,
    start_seconds=1.0,
    workers=2,
    cpus=4.0,
    cpu_percent=60.0,
    memory_percent=50.0,
    memory_limit_gib=16.0,
    swap_mib_s=0.0,
    swap_gib=0.0,
    disk_free_gib=100.0,
    disk_free_percent=50.0,
    gpu_percent=90.0,
    gpu_memory_percent=70.0,
)


def sentences(**changes: float | None) -> list[str]:
    return [one.sentence for one in bottlenecks(replace(HEALTHY, **changes))]  # type: ignore[arg-type]


def test_a_healthy_training_has_none() -> None:
    assert sentences() == []


def test_nothing_known_is_nothing_found() -> None:
    assert bottlenecks(Usage()) == []


def test_no_workers() -> None:
    assert sentences(data_seconds=70.0, start_seconds=1.0, workers=0) == [
        "data loading takes 71 % of a step: raise `num_workers` above 0"
    ]


def test_few_workers() -> None:
    assert sentences(data_seconds=40.0) == ["data loading takes 40 % of a step: raise `num_workers` above 2"]


def test_as_many_workers_as_cpus() -> None:
    (sentence,) = sentences(data_seconds=40.0, workers=4)
    assert sentence.startswith("data loading takes 40 % of a step: there are 4 workers for 4 CPUs already, so make a ")


def test_a_loader_that_does_not_tell_its_workers() -> None:
    (sentence,) = sentences(data_seconds=40.0, workers=None)
    assert sentence.startswith("data loading takes 41 % of a step: load data beside the training, such as with the ")


def test_slow_data_on_one_cpu() -> None:
    slow, short = sentences(data_seconds=40.0, workers=0, cpus=1.0, cpu_percent=97.0)
    assert slow == "data loading takes 41 % of a step: ask for more than one CPU, then raise `num_workers` above 0"
    assert short == (
        "the training has 1 CPU, which is 97 % busy: ask for more (Slurm: --cpus-per-task, Docker: --cpus, "
        "Kubernetes: limits.cpu)"
    )


@pytest.mark.parametrize(
    "changes", [{"data_seconds": 19.0}, {"seconds": 1.5, "data_seconds": 0.9, "start_seconds": 0.0}]
)
def test_a_little_waiting_is_not_worth_a_word(changes: dict[str, float]) -> None:
    assert sentences(**changes) == []


def test_starting_workers() -> None:
    (sentence,) = sentences(start_seconds=23.0)
    assert sentence.startswith(
        "starting 2 workers takes 23 % of an epoch: set `persistent_workers=True`, so that they "
    )
    assert sentences(start_seconds=0.9, seconds=5.0, data_seconds=0.0) == []


@pytest.mark.parametrize(("cpus", "cpu_percent", "found"), [(1.0, 95.0, True), (1.0, 50.0, False), (2.0, 99.0, False)])
def test_one_cpu(cpus: float, cpu_percent: float, found: bool) -> None:
    assert bool(RULES["one-cpu"](replace(HEALTHY, cpus=cpus, cpu_percent=cpu_percent), Thresholds())) == found


def test_more_workers_than_cpus() -> None:
    assert sentences(workers=16, cpu_percent=97.0) == [
        "16 workers share 4 CPUs, which are 97 % busy: lower `num_workers` to 4"
    ]
    assert sentences(workers=16) == []


def test_full_memory() -> None:
    (sentence,) = sentences(memory_percent=96.0)
    assert sentence.startswith(
        "memory (16 GiB) is 96 % full, and what goes beyond it is killed: lower num_workers (2 now)"
    )
    (without_workers,) = sentences(memory_percent=96.0, workers=0, memory_limit_gib=None)
    assert without_workers.startswith(
        "memory is 96 % full, and what goes beyond it is killed: lower prefetch_factor or"
    )


def test_a_full_disk() -> None:
    (sentence,) = sentences(disk_free_gib=1.25, disk_free_percent=3.0)
    assert sentence.startswith("the run's disk has 1.2 GiB (3 %) left: keep fewer checkpoints (keep_best, keep_last), ")
    assert "has 0 GiB left" in sentences(disk_free_gib=0.0, disk_free_percent=None)[0]


def test_swapping_counts_where_own_memory_was_moved_out() -> None:
    (sentence,) = sentences(swap_mib_s=35.0, swap_gib=0.5)
    assert sentence.startswith("the machine swaps 35 MiB/s, which is far slower than memory: lower num_workers or")
    assert sentences(swap_mib_s=35.0) == []  # a neighbour's
    assert sentences(swap_mib_s=0.5, swap_gib=0.5) == []


def test_an_idle_gpu() -> None:
    (sentence,) = sentences(gpu_percent=31.0, gpu_memory_percent=12.0)
    assert sentence.startswith(
        "the GPU computes 31 % of the time, although data is there: raise `batch_size` (its memory is at most 12 %"
    )
    assert sentences(gpu_percent=0.0, gpu_memory_percent=None)[0].startswith("the GPU computes 0 % of the time")


def test_a_gpu_that_waits_for_data_is_not_blamed() -> None:
    assert [one.kind for one in bottlenecks(replace(HEALTHY, gpu_percent=10.0, data_seconds=60.0))] == ["data"]


def test_what_endangers_the_run_comes_first_and_thresholds_can_be_set() -> None:
    bad = replace(HEALTHY, data_seconds=60.0, memory_percent=80.0, disk_free_gib=20.0)
    assert [one.kind for one in bottlenecks(bad, Thresholds(70.0, 50.0))] == ["memory", "disk", "data"]
    assert [one.kind for one in bottlenecks(bad, Thresholds(data_percent=61.0))] == []


@pytest.mark.parametrize("kind", RULES)
def test_every_sentence_is_there_in_chinese(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = replace(
        HEALTHY,
        data_seconds=40.0,
        start_seconds=20.0,
        workers=8,
        cpus=1.0,
        cpu_percent=99.0,
        memory_percent=99.0,
        swap_mib_s=9.0,
        swap_gib=1.0,
        disk_free_gib=0.5,
        gpu_percent=5.0,
    )
    thresholds = Thresholds(data_percent=50.0 if kind == "gpu" else 20.0)
    english = RULES[kind](bad, thresholds)
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    chinese = RULES[kind](bad, thresholds)
    assert english is not None
    assert english.isascii()
    assert chinese is not None
    assert any("\u4e00" <= character <= "\u9fff" for character in chinese)
