from __future__ import annotations

from lineside.reports.usage import Tally, Usage


def tally(*looks: dict[str, float]) -> Tally:
    made = Tally()
    for look in looks:
        made.add(look)
    return made


def test_a_tally_knows_mean_lowest_and_highest_of_what_it_was_told() -> None:
    made = tally({"a": 1.0, "b": 0.0}, {"a": 4.0}, {"a": 1.0})
    assert (made.mean("a"), made.lowest("a"), made.highest("a")) == (2.0, 1.0, 4.0)
    assert (made.mean("b"), made.lowest("b"), made.highest("b")) == (0.0, 0.0, 0.0)
    assert (made.mean("c"), made.lowest("c"), made.highest("c")) == (None, None, None)
    assert list(made) == ["a", "b"]


def test_usage_takes_of_each_metric_what_matters() -> None:
    looks = tally(
        {"system/cpu_percent": 20.0, "system/memory_percent": 50.0, "system/disk_free_gib": 9.0, "system/cpus": 2.0},
        {"system/cpu_percent": 60.0, "system/memory_percent": 40.0, "system/disk_free_gib": 7.0, "system/cpus": 2.0},
    )
    usage = Usage.of(looks, seconds=10.0, data_seconds=4.0, start_seconds=1.0, workers=3)
    assert usage == Usage(
        seconds=10.0,
        data_seconds=4.0,
        start_seconds=1.0,
        workers=3,
        cpus=2.0,
        cpu_percent=40.0,
        memory_percent=50.0,
        disk_free_gib=7.0,
    )


def test_of_several_gpus_the_busiest_and_the_fullest_count() -> None:
    looks = tally(
        {"system/gpu0/utilization_percent": 0.0, "system/gpu0/memory_percent": 80.0},
        {"system/gpu1/utilization_percent": 30.0, "system/gpu1/memory_percent": 5.0},
        {"system/gpu1/utilization_percent": 50.0, "system/gpu1.0/memory_percent": 6.0},
    )
    usage = Usage.of(looks)
    assert (usage.gpu_percent, usage.gpu_memory_percent) == (40.0, 80.0)
    assert looks.of_gpus("memory_percent") == [
        "system/gpu0/memory_percent",
        "system/gpu1/memory_percent",
        "system/gpu1.0/memory_percent",
    ]


def test_an_empty_tally_gives_a_usage_that_knows_nothing() -> None:
    assert Usage.of(Tally()) == Usage()
    assert (Usage().data_percent, Usage().start_percent) == (None, None)


def test_without_workers_the_first_batch_is_one_like_the_others() -> None:
    alone = Usage(seconds=10.0, data_seconds=3.0, start_seconds=2.0, workers=0)
    assert (alone.data_percent, alone.start_percent) == (50.0, None)
    with_workers = Usage(seconds=10.0, data_seconds=3.0, start_seconds=2.0, workers=4)
    assert (with_workers.data_percent, with_workers.start_percent) == (30.0, 20.0)


def test_shares_are_never_more_than_all() -> None:
    usage = Usage(seconds=1.0, data_seconds=1.5, start_seconds=2.0, workers=1)
    assert (usage.data_percent, usage.start_percent) == (100.0, 100.0)
