"""What holds a training up, in a sentence that says what to try. Each rule is a function of measured numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lineside.language import text
from lineside.reports.usage import Usage


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on something is a bottleneck."""

    memory_percent: float = 95.0
    disk_free_gib: float = 5.0
    data_percent: float = 20.0
    start_percent: float = 10.0
    cpu_percent: float = 90.0
    gpu_percent: float = 50.0
    swap_mib_s: float = 1.0
    waited_seconds: float = 1.0
    """Less than this was not waited for long enough to be worth a word."""


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """What is scarce, and the sentence that says so and what to try."""

    kind: str
    sentence: str


def bottlenecks(usage: Usage, thresholds: Thresholds = Thresholds()) -> list[Bottleneck]:
    """Return everything that holds the training up, what endangers it first."""
    found = ((kind, rule(usage, thresholds)) for kind, rule in RULES.items())
    return [Bottleneck(kind, sentence) for kind, sentence in found if sentence is not None]


def full_memory(usage: Usage, thresholds: Thresholds) -> str | None:
    """Memory is nearly full, and the system ends whoever asks for more."""
    if usage.memory_percent is None or usage.memory_percent < thresholds.memory_percent:
        return None
    of = f" ({usage.memory_limit_gib:.3g} GiB)" if usage.memory_limit_gib is not None else ""
    fewer = (
        text(f"num_workers ({usage.workers} now), ", f"num_workers（现为 {usage.workers}）、") if usage.workers else ""
    )
    return text(
        f"memory{of} is {usage.memory_percent:.0f} % full, and what goes beyond it is killed: lower {fewer}"
        "prefetch_factor or batch_size, or ask for more memory",
        f"内存{of}已用 {usage.memory_percent:.0f} %，超出部分会被系统终止：请调低 {fewer}"
        "prefetch_factor 或 batch_size，或申请更多内存",
    )


def full_disk(usage: Usage, thresholds: Thresholds) -> str | None:
    """The disk of the run is nearly full, and saves will fail."""
    if usage.disk_free_gib is None or usage.disk_free_gib >= thresholds.disk_free_gib:
        return None
    share = f" ({usage.disk_free_percent:.0f} %)" if usage.disk_free_percent is not None else ""
    return text(
        f"the run's disk has {usage.disk_free_gib:.2g} GiB{share} left: keep fewer checkpoints (keep_best, keep_last), "
        "remove old runs, or give run_dir another disk",
        f"运行目录所在磁盘只剩 {usage.disk_free_gib:.2g} GiB{share}：请减少保留的检查点（keep_best、keep_last）、"
        "删除旧的运行，或把 run_dir 换到其他磁盘",
    )


def swapping(usage: Usage, thresholds: Thresholds) -> str | None:
    """Memory of the training is moved to the disk and back."""
    if (usage.swap_mib_s or 0.0) < thresholds.swap_mib_s or not usage.swap_gib:
        return None
    return text(
        f"the machine swaps {usage.swap_mib_s:.3g} MiB/s, which is far slower than memory: lower num_workers or "
        "batch_size, or ask for more memory",
        f"机器正在以 {usage.swap_mib_s:.3g} MiB/s 换页，远慢于内存：请调低 num_workers 或 batch_size，或申请更多内存",
    )


def one_cpu(usage: Usage, thresholds: Thresholds) -> str | None:
    """Everything shares one CPU, or less."""
    if usage.cpus is None or usage.cpus > 1 or (usage.cpu_percent or 0.0) < thresholds.cpu_percent:
        return None
    return text(
        f"the training has {usage.cpus:g} CPU, which is {usage.cpu_percent:.0f} % busy: ask for more (Slurm: "
        "--cpus-per-task, Docker: --cpus, Kubernetes: limits.cpu)",
        f"训练只有 {usage.cpus:g} 个 CPU，占用 {usage.cpu_percent:.0f} %：请申请更多（Slurm：--cpus-per-task，"
        "Docker：--cpus，Kubernetes：limits.cpu）",
    )


def slow_data(usage: Usage, thresholds: Thresholds) -> str | None:
    """The training waits for its batches."""
    percent = usage.data_percent
    if percent is None or percent < thresholds.data_percent:
        return None
    if percent * usage.seconds < 100.0 * thresholds.waited_seconds:
        return None
    takes = text(f"data loading takes {percent:.0f} % of a step", f"数据加载占每步时间的 {percent:.0f} %")
    return takes + text(": ", "：") + _faster_data(usage)


def _faster_data(usage: Usage) -> str:
    cpus = usage.cpus or 2.0
    if cpus <= 1:
        return text(
            "ask for more than one CPU, then raise `num_workers` above 0",
            "请申请多于一个 CPU，再把 `num_workers` 调到 0 以上",
        )
    if usage.workers is None:
        return text(
            "load data beside the training, such as with the `num_workers` of a DataLoader",
            "请让数据加载与训练并行，例如使用 DataLoader 的 `num_workers`",
        )
    if usage.workers < cpus:
        return text(f"raise `num_workers` above {usage.workers}", f"请把 `num_workers` 调到 {usage.workers} 以上")
    return text(
        f"there are {usage.workers} workers for {cpus:g} CPUs already, so make a sample cheaper (smaller or decoded "
        "files, a faster disk, augmentation on the GPU) or ask for more CPUs",
        f"已有 {usage.workers} 个加载进程对应 {cpus:g} 个 CPU，请降低单个样本的开销（更小或已解码的文件、更快的磁盘、"
        "在 GPU 上做增强），或申请更多 CPU",
    )


def slow_start(usage: Usage, thresholds: Thresholds) -> str | None:
    """Each epoch waits until the workers have started."""
    percent = usage.start_percent
    if percent is None or percent < thresholds.start_percent:
        return None
    if (usage.start_seconds or 0.0) < thresholds.waited_seconds:
        return None
    return text(
        f"starting {usage.workers} workers takes {percent:.0f} % of an epoch: set `persistent_workers=True`, so that "
        "they stay from epoch to epoch",
        f"启动 {usage.workers} 个加载进程占每轮时间的 {percent:.0f} %：请设置 `persistent_workers=True`，使其跨轮保留",
    )


def crowded_cpus(usage: Usage, thresholds: Thresholds) -> str | None:
    """More workers than CPUs take turns."""
    if not usage.workers or usage.cpus is None or usage.workers <= max(1.0, usage.cpus):
        return None
    if (usage.cpu_percent or 0.0) < thresholds.cpu_percent:
        return None
    return text(
        f"{usage.workers} workers share {usage.cpus:g} CPUs, which are {usage.cpu_percent:.0f} % busy: lower "
        f"`num_workers` to {max(1, int(usage.cpus))}",
        f"{usage.workers} 个加载进程共用 {usage.cpus:g} 个 CPU，占用 {usage.cpu_percent:.0f} %："
        f"请把 `num_workers` 降到 {max(1, int(usage.cpus))}",
    )


def idle_gpu(usage: Usage, thresholds: Thresholds) -> str | None:
    """The GPU waits, and not for data."""
    if usage.gpu_percent is None or usage.gpu_percent >= thresholds.gpu_percent:
        return None
    if (usage.data_percent or 0.0) >= thresholds.data_percent:
        return None  # another sentence says so, and its remedy comes first
    room = usage.gpu_memory_percent
    full = (
        text(f" (its memory is at most {room:.0f} % full)", f"（显存最多用到 {room:.0f} %）")
        if room is not None
        else ""
    )
    return text(
        f"the GPU computes {usage.gpu_percent:.0f} % of the time, although data is there: raise `batch_size`{full}, "
        "read losses less often (`.item()` waits for the GPU), and see with ProfileSteps where a step's time goes",
        f"数据已就绪，但 GPU 只有 {usage.gpu_percent:.0f} % 的时间在计算：请调大 `batch_size`{full}，"
        "减少读取损失（`.item()` 会等待 GPU），并用 ProfileSteps 查看每步时间花在哪里",
    )


RULES: dict[str, Callable[[Usage, Thresholds], str | None]] = {
    "memory": full_memory,
    "disk": full_disk,
    "swap": swapping,
    "data": slow_data,
    "workers": slow_start,
    "one-cpu": one_cpu,
    "crowded": crowded_cpus,
    "gpu": idle_gpu,
}
"""What endangers the run first, then what slows it."""
