"""What is asked of the disk: durable writes and renames, contained paths, a lock that dies with its process."""

from __future__ import annotations

import errno
import os
import re
import secrets
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import ClassVar, NamedTuple, Self

from lineside.errors import LockHeld, PathOutside

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_MOUNT_TABLE = Path("/proc/self/mountinfo")
_NETWORK_TYPES = frozenset({
    *("9p", "afs", "beegfs", "ceph", "cifs", "davfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4"),
    *("ocfs2", "orangefs", "pvfs2", "smb2", "smb3", "smbfs"),
})  # fmt: skip
_NETWORK_FUSE = ("sshfs", "glusterfs", "ceph", "s3fs", "gcsfuse", "rclone", "juicefs", "goofys", "davfs", "moosefs")


def weight_suffix(path: Path) -> str:
    """Return the end of a name that tells a weight file's format; ``.weights.h5`` is one, and another than ``.h5``."""
    return ".weights.h5" if path.name.endswith(".weights.h5") else path.suffix


def fsync(path: Path) -> None:
    """Force a file's content, or a directory's entries, to the disk.

    macOS gets F_FULLFSYNC, since its plain fsync stops at the drive's cache. Windows cannot flush a directory: skipped.

    Raises:
        OSError: the device reported an error; what was written must be taken as lost.
    """
    if sys.platform == "win32" and path.is_dir():
        return
    # Windows flushes only through a writable descriptor; a directory elsewhere opens only read-only.
    descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        _flush(descriptor)
    finally:
        os.close(descriptor)


def write_atomic(path: Path, data: bytes) -> None:
    """Put `data` at `path` so that a reader, or a crash at any instant, finds the old content or the new, never a mix.

    The temporary file lies beside the target (never in $TMPDIR, which may be another filesystem).

    Raises:
        OSError: nothing changed at `path`, unless the error came from flushing the directory after the rename.
    """
    staged = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with staged.open("xb") as file:
            file.write(data)
            file.flush()
            _flush(file.fileno())
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    fsync(path.parent)


def rename(source: Path, target: Path) -> None:
    """Rename, then flush both parents, so that the new name outlives a power loss.

    A file replaces a file. A directory never replaces one that is not empty.

    Raises:
        OSError: the two lie on different filesystems, or the target cannot be replaced.
    """
    source.replace(target)
    fsync(target.parent)
    if source.parent != target.parent:
        fsync(source.parent)


def contained(root: Path, candidate: str | Path) -> Path:
    """Resolve `candidate` (relative to `root` unless absolute), follow its links, and insist that it is inside `root`.

    Raises:
        PathOutside: it leads out of `root`, or is no path at all (a NUL in it, a loop of links).
    """
    try:
        inside = root.resolve()
        resolved = (inside / candidate).resolve()
    except (ValueError, RuntimeError, OSError) as error:
        raise PathOutside(root, candidate) from error
    if not resolved.is_relative_to(inside):
        raise PathOutside(root, candidate)
    return resolved


class Mount(NamedTuple):
    """A filesystem and where it is mounted; `shared` over a network."""

    point: str
    kind: str
    shared: bool


def mount_of(path: str | Path) -> Mount | None:
    """Return the mount that holds a path, which need not exist; None on Windows, which has no table of them."""
    real = os.path.realpath(path)
    holding = [mount for mount in _mounts() if real == mount.point or real.startswith(mount.point.rstrip("/") + "/")]
    # The longest; of two mounts on one point the later one hides the earlier.
    return max(reversed(holding), key=lambda mount: len(mount.point), default=None)


def is_network_filesystem(path: Path) -> bool:
    """Whether `path` lies on a filesystem that other machines share, where locks and SQLite's WAL cannot be trusted."""
    mount = mount_of(path)
    return mount.shared if mount is not None else os.path.realpath(path).startswith("\\\\")  # a share of Windows


class FileLock:
    """An exclusive lock between processes on one file, freed by the system when its process dies, however it dies.

    It is a POSIX record lock: a forked child (a loader worker) does not inherit it, unlike `flock`, so that a worker
    that outlives its parent cannot keep a run locked. The price is that closing *any* descriptor of the file in this
    process drops the lock. So the file is opened once, a registry of what this process holds is asked before the file
    is touched again, and nothing else may open it. On Windows the lock is a byte-range lock, best effort.
    """

    _mutex: ClassVar[threading.Lock] = threading.Lock()
    _held: ClassVar[dict[tuple[int, int, int], str]] = {}
    """Who holds, by process, device and inode: a forked child finds nothing of its parent's under its own number."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1
        self._key: tuple[int, int, int] | None = None

    def acquire(self) -> bool:
        """Take the lock if it is free; never waits. True if this object holds it now, False if any other does.

        Raises:
            OSError: the file cannot be opened, or is a link.
        """
        with FileLock._mutex:
            if _process_and_inode(self.path) in FileLock._held:
                return self._key is not None
            # No following of links: a run directory from elsewhere must not make us write through one.
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            descriptor = os.open(self.path, flags, 0o644)
            try:
                if not _try_lock(descriptor):
                    os.close(descriptor)
                    return False
                holder = f"process {os.getpid()} on {socket.gethostname()}"
                os.ftruncate(descriptor, 0)
                os.write(descriptor, holder.encode())
                status = os.fstat(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            self._descriptor, self._key = descriptor, (os.getpid(), status.st_dev, status.st_ino)
            FileLock._held[self._key] = holder
            return True

    def release(self) -> None:
        """Give the lock back; nothing happens where it is not held. The file stays: removing it would allow two."""
        with FileLock._mutex:
            # A forked child has a copy of this object, but not the lock; what it may hold itself must not be dropped.
            if self._key is not None and self._key[0] == os.getpid():
                FileLock._held.pop(self._key)
                os.close(self._descriptor)
            self._key = None

    def holder(self) -> str:
        """Return who holds, or held last, the lock, for a message: ``process 4711 on machine``."""
        with FileLock._mutex:
            holder = FileLock._held.get(_process_and_inode(self.path))
            if holder is not None:
                return holder
            try:
                return self.path.read_text(errors="replace")[:200].strip() or "an unknown process"
            except OSError:
                return "an unknown process"

    @staticmethod
    def is_held(path: Path) -> bool:
        """Tell whether any process, this one included, holds the lock now. Asking neither takes nor breaks a lock.

        Raises:
            OSError: the file exists but cannot be opened.
        """
        with FileLock._mutex:
            if _process_and_inode(path) in FileLock._held:
                return True
            try:
                descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
            except FileNotFoundError:
                return False
            try:
                return _locked_elsewhere(descriptor)
            finally:
                os.close(descriptor)

    def __enter__(self) -> Self:
        """Take the lock. Raises `LockHeld`, naming the holder, where it is not free."""
        if not self.acquire():
            raise LockHeld(self.path, self.holder())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _process_and_inode(path: Path) -> tuple[int, int, int]:
    """Return what identifies a file by whatever name it is reached, for this process; a missing file has inode -1."""
    try:
        status = path.stat()
    except OSError:
        return (os.getpid(), -1, -1)
    return (os.getpid(), status.st_dev, status.st_ino)


if sys.platform == "win32":

    def _try_lock(descriptor: int) -> bool:
        # Far behind the text, because a locked byte of Windows cannot be read by others.
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        os.lseek(descriptor, 0, os.SEEK_SET)
        return True

    def _locked_elsewhere(descriptor: int) -> bool:
        # Windows cannot ask without trying; closing the descriptor gives the byte back.
        return not _try_lock(descriptor)

else:

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            raise
        return True

    def _locked_elsewhere(descriptor: int) -> bool:
        """Ask with F_GETLK; trying the lock instead would refuse, for an instant, a process that wants it."""
        if sys.platform == "darwin":  # struct flock: start, length, pid, type, whence
            question = struct.pack("qqihh", 0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET)
            kind = struct.unpack("qqihh", fcntl.fcntl(descriptor, fcntl.F_GETLK, question))[3]
        else:  # Linux: type, whence, start, length, pid
            question = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind = struct.unpack("hhqqi4x", fcntl.fcntl(descriptor, fcntl.F_GETLK, question))[0]
        return bool(kind != fcntl.F_UNLCK)


def _flush(descriptor: int) -> None:
    if sys.platform == "darwin":
        try:
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EINVAL, errno.ENOTTY):
                raise  # only a filesystem without F_FULLFSYNC (a network one) gets the weaker call
    os.fsync(descriptor)


if sys.platform == "win32":

    def _mounts() -> list[Mount]:
        """Return nothing: Windows tells a share by its path."""
        return []

elif sys.platform == "darwin":

    def _mounts() -> list[Mount]:
        """Return the mounts of this machine."""
        lines = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=True).stdout.splitlines()
        # `/dev/disk3s1 on / (apfs, local, journaled)`
        parts = [line.split(" on ", 1)[1].rsplit(" (", 1) for line in lines]
        return [Mount(point, words.rstrip(")").split(",")[0], ", local" not in words) for point, words in parts]

else:

    def _mounts() -> list[Mount]:
        """Return the mounts of this machine."""
        mounts = []
        for line in _MOUNT_TABLE.read_bytes().splitlines():
            # man 5 proc: the mount point is the fifth field, blanks in it are octal escapes; the type follows ` - `.
            fields, _, rest = line.partition(b" - ")
            point = re.sub(rb"\\(\d{3})", lambda escape: bytes([int(escape[1], 8)]), fields.split(b" ")[4])
            kind = os.fsdecode(rest.split(b" ")[0])
            shared = kind in _NETWORK_TYPES or kind.removeprefix("fuse.").startswith(_NETWORK_FUSE)
            mounts.append(Mount(os.fsdecode(point), kind, shared))
        return mounts
