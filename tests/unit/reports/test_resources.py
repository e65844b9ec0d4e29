from __future__ import annotations

from typing import Any

import pytest

from lineside.reports.resources import account
from lineside.reports.usage import Tally, Usage

LOOK = {
    "system/cpus": 2.0,
    "system/cpu_percent": 97.0,
    "system/pss_gib": 1.25,
    "system/rss_gib": 2.0,
    "system/memory_percent": 34.0,
    "system/memory_limit_gib": 23.5,
    "system/disk_free_gib": 48.0,
    "system/disk_free_percent": 60.0,
    "system/disk_read_mib_s": 0.0,
    "system/disk_write_mib_s": 2.5,
    "system/network_received_mib_s": 10.0,
    "system/network_sent_mib_s": 0.25,
    "system/gpu0/utilization_percent": 31.0,
    "system/gpu0/memory_percent": 12.0,
    "system/gpu1/memory_percent": 3.0,
}


def lines(look: dict[str, float], *sentences: str, **data: Any) -> list[str]:
    tally = Tally()
    tally.add(look)
    return account(tally, Usage.of(tally, **data), sentences).splitlines()


def test_every_resource_has_a_line_and_every_sentence_follows() -> None:
    measured = {"seconds": 20.0, "data_seconds": 10.0, "start_seconds": 2.0, "workers": 4}
    assert lines(LOOK, "do this", "and that", **measured) == [
        "data: waited for 60 % of the time (12 of 20 s, 4 workers)",
        "CPU: 97 % on average, 97 % at most, of 2",
        "memory: 1.2 GiB at most; 34 % of 23.5 GiB in use",
        "disk: 48 GiB (60 %) free; read 0, wrote 2.5 MiB/s",
        "network: received 10, sent 0.25 MiB/s",
        "gpu0: computes 31 % of the time, memory at most 12 % full",
        "gpu1: memory at most 3 % full",
        "do this",
        "and that",
    ]


@pytest.mark.parametrize(
    ("seconds", "last"),
    [
        (0.0, "no bottleneck was found"),
        (9.0, "the training was too short to tell a bottleneck"),
        (20.0, "no bottleneck was found"),
    ],
)
def test_it_says_when_there_is_nothing_to_say(seconds: float, last: str) -> None:
    assert lines({}, seconds=seconds) == [last]


def test_where_shared_pages_are_not_told_resident_memory_is_shown() -> None:
    look = {name: value for name, value in LOOK.items() if name != "system/pss_gib"}
    assert "memory: 2 GiB at most; 34 % of 23.5 GiB in use" in lines(look)


def test_a_disk_whose_bytes_nobody_counts_still_has_room() -> None:
    assert lines({"system/disk_free_gib": 48.0, "system/disk_free_percent": 60.0})[0] == "disk: 48 GiB (60 %) free"


def test_it_is_there_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    found = lines(LOOK, seconds=20.0, data_seconds=10.0, workers=None)
    assert found[0] == "数据：等待占 50 % 的时间（20 秒中的 10 秒）"
    assert found[-1] == "没有发现瓶颈"
