from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lineside import files
from lineside.errors import LockHeld, PathOutside
from lineside.files import FileLock, contained, fsync, is_network_filesystem, rename, weight_suffix, write_atomic

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX record locks and forks")


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """What was flushed since: the name when it happened, and whether it was a directory."""
    seen: list[tuple[str, bool]] = []
    real = os.fsync

    def spy(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        seen.append((path.name, stat.S_ISDIR(os.fstat(descriptor).st_mode)))
        real(descriptor)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc: what was flushed cannot be seen")
    monkeypatch.setattr(os, "fsync", spy)
    return seen


def this_process() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def in_child(code: str, path: Path) -> str:
    """Run code in another process, with `path` and `FileLock` at hand; return what it printed."""
    imports = "import os, sys\nfrom pathlib import Path\nfrom lineside.files import FileLock\n"
    script = f"{imports}path = Path(sys.argv[1])\n{code}"
    source = str(Path(files.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        env=os.environ | {"PYTHONPATH": source},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def in_fork(work: Callable[[], bool]) -> bool:
    """Return what `work` returns in a forked child."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            code = 0 if work() else 1
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, 1}, "the child failed"
    return code == 0


class TestDurability:
    def test_fsync_takes_a_file_and_a_directory(self, tmp_path: Path, flushed: list[tuple[str, bool]]) -> None:
        file = tmp_path / "file"
        file.write_bytes(b"x")
        fsync(file)
        fsync(tmp_path)
        assert flushed == [("file", False), (tmp_path.name, True)]

    def test_fsync_of_a_missing_file_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            fsync(tmp_path / "missing")

    def test_write_atomic_flushes_the_file_before_and_the_directory_after_the_rename(
        self, tmp_path: Path, flushed: list[tuple[str, bool]]
    ) -> None:
        write_atomic(tmp_path / "file", b"new")
        assert (tmp_path / "file").read_bytes() == b"new"
        (staged, is_directory), parent = flushed
        assert staged.startswith(".file.")
        assert not is_directory
        assert parent == (tmp_path.name, True)

    def test_write_atomic_replaces_and_leaves_nothing_else(self, tmp_path: Path) -> None:
        write_atomic(tmp_path / "file", b"old")
        write_atomic(tmp_path / "file", b"new")
        assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"new")]

    def test_a_failed_write_leaves_the_old_content_and_no_temporary_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_atomic(tmp_path / "file", b"old")

        def fail(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space"):
            write_atomic(tmp_path / "file", b"new")
        assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]

    def test_the_temporary_directory_of_the_system_is_not_used(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TMPDIR", str(tmp_path / "does-not-exist"))
        write_atomic(tmp_path / "file", b"new")
        assert (tmp_path / "file").read_bytes() == b"new"

    def test_rename_flushes_both_parents(self, tmp_path: Path, flushed: list[tuple[str, bool]]) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        (tmp_path / "a" / "file").write_bytes(b"x")
        rename(tmp_path / "a" / "file", tmp_path / "b" / "file")
        assert (tmp_path / "b" / "file").read_bytes() == b"x"
        assert flushed == [("b", True), ("a", True)]

    def test_rename_never_replaces_a_directory_that_holds_something(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "kept").touch()
        with pytest.raises(OSError, match=r"not empty|exists|denied"):
            rename(tmp_path / "a", tmp_path / "b")
        assert (tmp_path / "b" / "kept").exists()


class TestContained:
    @pytest.mark.parametrize("inside", ["a", "a/b.txt", "a/../b", ".", ""])
    def test_what_stays_inside_is_returned_resolved(self, tmp_path: Path, inside: str) -> None:
        assert contained(tmp_path, inside) == (tmp_path / inside).resolve()

    def test_an_absolute_path_inside_is_fine(self, tmp_path: Path) -> None:
        assert contained(tmp_path, tmp_path / "a") == tmp_path.resolve() / "a"

    @pytest.mark.parametrize("outside", ["..", "a/../../b", "/etc/passwd", "nul\0byte"])
    def test_what_leads_out_is_refused(self, tmp_path: Path, outside: str) -> None:
        with pytest.raises(PathOutside, match="leads out"):
            contained(tmp_path, outside)

    def test_a_sibling_with_the_same_beginning_is_outside(self, tmp_path: Path) -> None:
        (tmp_path / "run").mkdir()
        with pytest.raises(PathOutside):
            contained(tmp_path / "run", tmp_path / "run-2" / "file")

    def test_a_link_out_and_a_loop_of_links_are_refused(self, tmp_path: Path) -> None:
        root = tmp_path / "root"
        root.mkdir()
        (root / "out").symlink_to(tmp_path)
        (root / "loop").symlink_to(root / "loop")
        for name in ("out/file", "loop/file"):
            with pytest.raises(PathOutside):
                contained(root, name)

    def test_a_root_that_is_reached_by_a_link_is_followed(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        assert contained(tmp_path / "link", "a") == (tmp_path / "real" / "a").resolve()


class TestNetworkFilesystem:
    def test_this_machines_own_directories_are_local(self, tmp_path: Path) -> None:
        assert not is_network_filesystem(tmp_path)

    @pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/mountinfo")
    @pytest.mark.parametrize(
        ("path", "network"),
        [
            ("/local/run", False),
            ("/share/run", True),
            ("/share/scratch/run", False),
            ("/share-not/run", False),
            ("/with space/run", True),
            ("/\u6570\u636e/run", True),
            ("/bucket", True),
            ("/covered/run", False),
        ],
    )
    def test_the_nearest_mount_decides(
        self, path: str, network: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        table = tmp_path / "mountinfo"
        table.write_text(
            "1 0 8:1 / / rw - ext4 /dev/sda rw\n"
            "2 1 0:5 / /share rw shared:1 - nfs4 server:/x rw\n"
            "3 2 8:2 / /share/scratch rw - xfs /dev/sdb rw\n"
            "8 1 0:9 / /\u6570\u636e rw - lustre server:/z rw\n"
            "4 1 0:6 / /with\\040space rw - cifs //server/x rw\n"
            "5 1 0:7 / /bucket rw - fuse.gcsfuse bucket rw\n"
            "6 1 0:8 / /covered rw - nfs server:/y rw\n"
            "7 6 8:3 / /covered rw - ext4 /dev/sdc rw\n"
        )
        monkeypatch.setattr(files, "_MOUNT_TABLE", table)
        assert is_network_filesystem(Path(path)) is network


@needs_posix
class TestFileLock:
    def test_it_is_taken_once_in_this_process_and_freed(self, tmp_path: Path) -> None:
        first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
        assert first.acquire()
        assert first.acquire()
        assert not second.acquire()
        first.release()
        assert second.acquire()
        second.release()

    def test_another_process_is_refused_and_told_who_holds_it(self, tmp_path: Path) -> None:
        with FileLock(tmp_path / "lock"):
            told = in_child(
                "print(FileLock(path).acquire(), FileLock.is_held(path), FileLock(path).holder())", tmp_path / "lock"
            )
        assert told.startswith(f"False True process {os.getpid()} on ")
        assert in_child("print(FileLock(path).acquire())", tmp_path / "lock") == "True"

    def test_asking_does_not_break_the_lock_of_this_process(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        (tmp_path / "link").symlink_to(path)
        with FileLock(path) as lock:
            assert FileLock.is_held(path)
            assert FileLock.is_held(tmp_path / "link")
            assert FileLock(path).holder() == lock.holder() == this_process()
            assert not FileLock(path).acquire()
            assert in_child("print(FileLock.is_held(path))", path) == "True"

    def test_asking_does_not_take_it(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        assert not FileLock.is_held(path)
        assert not path.exists()
        FileLock(path).acquire()
        assert in_child("print(FileLock.is_held(path))", path) == "True"

    def test_a_directory_that_was_moved_is_still_locked(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        with FileLock(tmp_path / "a" / "lock"):
            (tmp_path / "a").rename(tmp_path / "b")
            assert FileLock.is_held(tmp_path / "b" / "lock")
            assert in_child("print(FileLock.is_held(path))", tmp_path / "b" / "lock") == "True"

    def test_with_raises_for_a_lock_that_is_held(self, tmp_path: Path) -> None:
        with (
            FileLock(tmp_path / "lock"),
            pytest.raises(LockHeld, match=f"process {os.getpid()} on "),
            FileLock(tmp_path / "lock"),
        ):
            pass

    def test_it_dies_with_its_process(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        assert in_child("print(FileLock(path).acquire(), flush=True); os._exit(0)", path) == "True"
        assert not FileLock.is_held(path)
        assert FileLock(path).acquire()

    def test_a_forked_child_does_not_inherit_it_and_cannot_drop_it(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        lock = FileLock(path)
        assert lock.acquire()

        def child() -> bool:
            seen = FileLock.is_held(path) and not FileLock(path).acquire()
            lock.release()
            return seen

        assert in_fork(child)
        assert in_child("print(FileLock.is_held(path))", path) == "True"
        lock.release()

    def test_a_forked_child_that_outlives_its_parent_does_not_keep_it(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        script = (
            "lock = FileLock(path); assert lock.acquire()\n"
            "reader, writer = os.pipe()\n"
            "worker = os.fork()\n"
            "if worker == 0:\n"
            "    os.close(1); os.close(2); os.close(writer); os.read(reader, 1)\n"
            "    import signal; signal.pause()\n"
            "print(worker, flush=True); os._exit(0)"
        )
        worker = int(in_child(script, path))
        try:
            os.kill(worker, 0)  # it is there
            assert FileLock(path).acquire()
        finally:
            os.kill(worker, signal.SIGKILL)

    def test_a_link_is_not_written_through(self, tmp_path: Path) -> None:
        precious = tmp_path / "precious"
        precious.write_text("kept")
        (tmp_path / "lock").symlink_to(precious)
        with pytest.raises(OSError, match="link"):
            FileLock(tmp_path / "lock").acquire()
        assert precious.read_text() == "kept"


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("m_0.25.h5", ".h5"), ("m_0.25.weights.h5", ".weights.h5"), ("my.weights.pt", ".pt"), ("m.keras", ".keras")],
)
def test_the_suffix_of_a_weight_file_may_have_two_parts(name: str, suffix: str) -> None:
    assert weight_suffix(Path("of.h5") / name) == suffix
