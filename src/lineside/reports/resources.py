"""What a training took of its machine, as lines that people read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lineside.language import text
from lineside.reports.usage import Tally, Usage

_SHORT = 10.0
"""Seconds of training that tell nothing yet."""


def account(tally: Tally, usage: Usage, sentences: Sequence[str]) -> str:
    """Return a line for each resource that somebody could tell something of, and behind them what was found."""
    lines = [
        *_data(usage),
        *_cpus(tally, usage),
        *_memory(tally, usage),
        *_disk(tally),
        *_network(tally),
        *_gpus(tally),
    ]
    return "\n".join([*lines, *(sentences or [_nothing(usage)])])


def _nothing(usage: Usage) -> str:
    if 0 < usage.seconds < _SHORT:
        return text("the training was too short to tell a bottleneck", "训练时间太短，看不出瓶颈")
    return text("no bottleneck was found", "没有发现瓶颈")


def _data(usage: Usage) -> Iterator[str]:
    if usage.data_percent is None or usage.data_seconds is None:
        return
    waited = usage.data_seconds + (usage.start_seconds or 0.0)
    workers = text(f", {usage.workers} workers", f"，{usage.workers} 个加载进程") if usage.workers is not None else ""
    share = min(100.0, 100.0 * waited / usage.seconds)
    yield text(
        f"data: waited for {share:.0f} % of the time ({waited:.3g} of {usage.seconds:.3g} s{workers})",
        f"数据：等待占 {share:.0f} % 的时间（{usage.seconds:.3g} 秒中的 {waited:.3g} 秒{workers}）",
    )


def _cpus(tally: Tally, usage: Usage) -> Iterator[str]:
    mean, most = tally.mean("system/cpu_percent"), tally.highest("system/cpu_percent")
    if mean is not None and usage.cpus is not None:
        yield text(
            f"CPU: {mean:.0f} % on average, {most:.0f} % at most, of {usage.cpus:g}",
            f"CPU：平均 {mean:.0f} %，最高 {most:.0f} %，共 {usage.cpus:g} 个",
        )


def _memory(tally: Tally, usage: Usage) -> Iterator[str]:
    own = tally.highest("system/pss_gib") or tally.highest("system/rss_gib")
    if own is not None and usage.memory_percent is not None:
        yield text(
            f"memory: {own:.2g} GiB at most; {usage.memory_percent:.0f} % of {usage.memory_limit_gib:.3g} GiB in use",
            f"内存：最多 {own:.2g} GiB；{usage.memory_limit_gib:.3g} GiB 中已用 {usage.memory_percent:.0f} %",
        )


def _disk(tally: Tally) -> Iterator[str]:
    free, percent = tally.lowest("system/disk_free_gib"), tally.lowest("system/disk_free_percent")
    read, written = tally.mean("system/disk_read_mib_s"), tally.mean("system/disk_write_mib_s")
    if free is None:
        return
    moved = ""
    if read is not None and written is not None:
        moved = text(f"; read {read:.3g}, wrote {written:.3g} MiB/s", f"；读 {read:.3g}、写 {written:.3g} MiB/s")
    yield text(f"disk: {free:.3g} GiB ({percent:.0f} %) free", f"磁盘：剩余 {free:.3g} GiB（{percent:.0f} %）") + moved


def _network(tally: Tally) -> Iterator[str]:
    received, sent = tally.mean("system/network_received_mib_s"), tally.mean("system/network_sent_mib_s")
    if received is not None and sent is not None:
        yield text(
            f"network: received {received:.3g}, sent {sent:.3g} MiB/s",
            f"网络：接收 {received:.3g}、发送 {sent:.3g} MiB/s",
        )


def _gpus(tally: Tally) -> Iterator[str]:
    for name in tally.of_gpus("memory_percent"):
        gpu = name.split("/")[1]
        busy = tally.mean(f"system/{gpu}/utilization_percent")
        computes = (
            text(f"computes {busy:.0f} % of the time, ", f"{busy:.0f} % 的时间在计算，") if busy is not None else ""
        )
        full = tally.highest(name)
        yield f"{gpu}: " + computes + text(f"memory at most {full:.0f} % full", f"显存最多用到 {full:.0f} %")
