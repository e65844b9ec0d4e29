"""What about this machine will hurt a training."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from lineside.cli.amounts import number, size
from lineside.cli.checkup.finding import Finding
from lineside.errors import nearest
from lineside.language import text
from lineside.system.cgroup import Cgroup

VARIABLES: Final = (
    "LINESIDE_ADVICE",
    "LINESIDE_ALERTS",
    "LINESIDE_LANG",
    "LINESIDE_MAIL",
    "LINESIDE_ON_ERROR",
    "LINESIDE_RESUME",
    "LINESIDE_SUPERVISED",
    "LINESIDE_SUPERVISOR",
)
"""What Lineside reads of the environment, and what its examples call the addresses of alerts."""
_UPSERT: Final = (3, 24, 0)
_TRUSTED_SCHEMA: Final = (3, 31, 0)
_LEAST_SHARED: Final = 1 << 29
_LEAST_FILES: Final = 1024
_LEAST_MEMORY: Final = 2 << 30
_FULL: Final = 80.0
"""Percent of a memory limit."""


def check_machine(root: Path = Path("/"), environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Yield a finding for each thing that was looked at.

    Args:
        root: where ``/dev``, ``/proc`` and ``/sys`` lie.
        environment: variables.
    """
    yield check_sqlite(sqlite3.sqlite_version_info)
    yield from check_shared_memory(root / "dev/shm")
    yield from check_open_files()
    yield from check_container(Cgroup(root), os.cpu_count() or 1)
    yield from check_accelerator(root)
    yield from check_variables(environment)
    yield from check_encoding(sys.stdout.encoding)


def check_sqlite(found: tuple[int, ...]) -> Finding:
    """Check the version of SQLite that Python brings; its defect of WAL is no concern, since WAL is not used."""
    name = f"SQLite {'.'.join(map(str, found))}"
    if found < _UPSERT:
        sentence = text(f"{name} is too old: runs cannot be recorded.", f"{name} 过旧：无法记录训练。")
        return Finding(
            "sqlite",
            "error",
            sentence,
            text("a Python with SQLite 3.31 or newer", "使用自带 SQLite 3.31 以上的 Python"),
        )
    if found < _TRUSTED_SCHEMA:
        sentence = text(
            f"{name} cannot be told to distrust a file: do not open run directories of others.",
            f"{name} 无法防范恶意文件：不要打开他人的训练目录。",
        )
        return Finding(
            "sqlite",
            "warning",
            sentence,
            text("a Python with SQLite 3.31 or newer", "使用自带 SQLite 3.31 以上的 Python"),
        )
    return Finding("sqlite", "ok", name)


def check_shared_memory(path: Path) -> Iterator[Finding]:
    """Check the shared memory through which loader workers hand over batches; other systems have no such place."""
    if not path.is_dir():
        return
    total = shutil.disk_usage(path).total
    if total >= _LEAST_SHARED:
        yield Finding("shared-memory", "ok", text(f"shared memory: {size(total)}", f"共享内存：{size(total)}"))
        return
    yield Finding(
        "shared-memory",
        "warning",
        text(
            f"{path} has only {size(total)}: loader workers that hand over large batches die with a bus error.",
            f"{path} 只有 {size(total)}：数据加载进程传递较大批次时会因 bus error 退出。",
        ),
        "docker run --shm-size=8g …",
        "https://pytorch.org/docs/stable/data.html#multi-process-data-loading",
    )


def check_open_files() -> Iterator[Finding]:
    """Check how many files a process may have open; Windows has no such limit."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = soft == resource.RLIM_INFINITY
    if unlimited or soft >= _LEAST_FILES:
        limit = text("unlimited", "不限") if unlimited else f"{soft:,}"
        yield Finding("open-files", "ok", text(f"open files: {limit}", f"可打开的文件数：{limit}"))
        return
    sentence = text(
        f"A process may have only {soft} files open: loader workers run out of them ('Too many open files').",
        f"每个进程只能打开 {soft} 个文件：数据加载进程会报错 Too many open files。",
    )
    yield Finding("open-files", "warning", sentence, f"ulimit -n {65536 if hard == resource.RLIM_INFINITY else hard}")


def check_container(cgroup: Cgroup, cpus: int) -> Iterator[Finding]:
    """Check what a container, a scheduler or a service may use of the machine."""
    memory, quota = cgroup.memory(), cgroup.cpus()
    if memory is not None:
        limit, used = size(memory.limit), f"{memory.percent:.0f} %"
        tight = memory.limit < _LEAST_MEMORY or memory.percent >= _FULL
        sentence = text(
            f"memory limit: {limit}, of which {used} are in use; a process that takes more is killed (-9)",
            f"内存上限：{limit}，已用 {used}；超出的进程会被强行终止（-9）",
        )
        remedy = text("a higher limit, smaller batches, or fewer workers", "提高上限、减小批次或减少加载进程")
        yield Finding("memory-limit", "warning" if tight else "ok", sentence, remedy if tight else "")
    if quota is not None and quota < cpus:
        sentence = text(
            f"Only {number(quota)} of {cpus} CPUs may be used, but libraries start a thread for each of the {cpus}.",
            f"{cpus} 个 CPU 中只能使用 {number(quota)} 个，而各个库会按 {cpus} 个启动线程。",
        )
        whole = max(1, round(quota))
        remedy = text(
            f"export OMP_NUM_THREADS={whole}; num_workers of at most {whole}",
            f"export OMP_NUM_THREADS={whole}；num_workers 不超过 {whole}",
        )
        yield Finding("cpu-limit", "warning", sentence, remedy)


def check_accelerator(root: Path) -> Iterator[Finding]:
    """Check that a machine with an NVIDIA device does not have the build of PyTorch for CPUs."""
    try:
        build = version("torch")
    except PackageNotFoundError:
        return
    if build.endswith("+cpu") and (root / "proc/driver/nvidia/version").exists():
        sentence = text(
            f"This machine has an NVIDIA device, and torch {build} cannot use it.",
            f"这台机器有 NVIDIA 设备，但 torch {build} 无法使用。",
        )
        yield Finding(
            "accelerator",
            "warning",
            sentence,
            text("a CUDA build of torch", "安装 CUDA 版本的 torch"),
            "https://pytorch.org/get-started/locally/",
        )


def check_variables(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Check that no setting of Lineside is misspelt, which would do nothing in silence."""
    for name in sorted(environment):
        if name.startswith("LINESIDE_") and name not in VARIABLES:
            sentence = text(f"Nobody reads the variable {name}.", f"没有人读取变量 {name}。")
            yield Finding("variables", "warning", sentence, nearest(name, VARIABLES).strip() or f"unset {name}")


def check_encoding(encoding: str | None) -> Iterator[Finding]:
    """Check that the terminal can show more than ASCII."""
    if encoding is not None and "utf" not in encoding.lower():
        sentence = text(
            f"The terminal's encoding is {encoding}: curves are drawn with ASCII, and Chinese cannot be shown.",
            f"终端编码为 {encoding}：曲线只能用 ASCII 绘制，无法显示中文。",
        )
        yield Finding("encoding", "warning", sentence, "export PYTHONUTF8=1")
