"""What about the place where runs are written will hurt: tried out in a directory that is removed again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lineside.cli.amounts import size
from lineside.cli.checkup.finding import Finding
from lineside.files import FileLock, fsync, is_network_filesystem, mount_of, rename, write_atomic
from lineside.language import text

_LEAST_FREE: Final = 1 << 30
_IN_MEMORY: Final = ("tmpfs", "ramfs")
_ASK: Final = """\
import sys
from pathlib import Path
from lineside.files import FileLock
print(FileLock.is_held(Path(sys.argv[1])))
"""


def check_place(run_dir: Path) -> Iterator[Finding]:
    """Yield a finding for each thing that was looked at.

    Args:
        run_dir: where runs are to lie; if it does not exist, the directory in which it would be made is looked at.
    """
    place = next(path for path in (run_dir.absolute(), *run_dir.absolute().parents) if path.is_dir())
    try:
        scratch = tempfile.mkdtemp(prefix=".lineside-doctor-", dir=place)
    except OSError as error:
        sentence = text(f"{place} cannot be written to: {error.strerror}.", f"{place} 无法写入：{error.strerror}。")
        yield Finding("run-dir", "error", sentence, text("another --run-dir", "换一个 --run-dir"))
        return
    try:
        yield Finding(
            "run-dir", "ok", text(f"runs are written to {run_dir.absolute()}", f"训练记录写入 {run_dir.absolute()}")
        )
        yield from check_flush(Path(scratch))
        yield from check_lock(Path(scratch) / ".lock")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    yield from check_filesystem(place)
    yield from check_room(place)


def check_flush(scratch: Path) -> Iterator[Finding]:
    """Check that files and directories can be flushed and renamed, as every commit of a checkpoint does."""
    try:
        (scratch / "one").mkdir()
        write_atomic(scratch / "one" / "file", b"lineside")
        fsync(scratch / "one")
        rename(scratch / "one", scratch / "other")
        fsync(scratch)
    except OSError as error:
        sentence = text(
            f"Files or directories cannot be flushed or renamed there ({error}): checkpoints cannot be committed.",
            f"该处无法刷新或重命名文件、目录（{error}）：无法提交检查点。",
        )
        yield Finding("flush", "error", sentence, text("a local disk for --run-dir", "让 --run-dir 指向本地磁盘"))


def check_lock(path: Path) -> Iterator[Finding]:
    """Check that another process sees a lock, which keeps two of them from writing one run."""
    try:
        with FileLock(path):
            asked = subprocess.run(  # noqa: S603
                [sys.executable, "-c", _ASK, os.fspath(path)], capture_output=True, text=True, check=False
            )
    except OSError as error:
        how = str(error)
    else:
        if asked.stdout.strip() == "True":
            return
        how = text("another process does not see them", "其他进程看不到锁")
    sentence = text(
        f"Locks do not work there ({how}): two processes could write one run, and a run that lives looks dead.",
        f"该处文件锁无效（{how}）：两个进程可能写入同一训练，运行中的训练会被误认为已终止。",
    )
    yield Finding("lock", "error", sentence, text("a local disk for --run-dir", "让 --run-dir 指向本地磁盘"))


def check_filesystem(place: Path) -> Iterator[Finding]:
    """Check that the filesystem keeps what it is given."""
    mount = mount_of(place)
    if mount is not None and mount.kind in _IN_MEMORY:
        sentence = text(
            f"{place} is in memory ({mount.kind}): runs take memory, and are gone when the machine restarts.",
            f"{place} 位于内存中（{mount.kind}）：重启后训练记录会丢失，在此之前占用内存。",
        )
        yield Finding("filesystem", "warning", sentence, text("a disk for --run-dir", "让 --run-dir 指向磁盘"))
    if is_network_filesystem(place):
        sentence = text(
            f"{place} is on a network filesystem: locks may not keep other machines out, and changes are seen late.",
            f"{place} 位于网络文件系统：锁可能无法阻止其他机器，改动也会较晚可见。",
        )
        yield Finding("filesystem", "warning", sentence)


def check_room(place: Path) -> Iterator[Finding]:
    """Check that there is room for checkpoints."""
    free = shutil.disk_usage(place).free
    enough = free >= _LEAST_FREE
    sentence = text(f"{size(free)} are free there", f"剩余空间 {size(free)}")
    remedy = text("make room, or keep fewer checkpoints", "清理空间，或减少保留的检查点")
    yield Finding("room", "ok" if enough else "warning", sentence, "" if enough else remedy)
