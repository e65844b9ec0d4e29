"""A program that saves a checkpoint and is struck at a chosen change of the filesystem: killed, or told of an error.

Run as a script: ``struck_writer.py WORK SCENARIO FAULT``. It prepares one directory, and for k = 1, 2, 3, … gives a
forked child a copy of it (``WORK/<k>``) in which the k-th change strikes, until a child gets through unstruck. It
prints what each child said before it ended, as JSON.

A change is a call that creates, opens for writing, renames, removes or flushes; Python announces them to audit hooks,
but for `os.fsync`, which is replaced. It flushes nothing here: what a process has handed to the system outlives the
process, and waiting for the disk would take most of the time. The writers of parts open their file twice, so that a
strike finds it half written.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lineside.checkpoints.format import Contents, PartWriter
from lineside.checkpoints.retention import KeepLast
from lineside.checkpoints.standalone import StandaloneFiles
from lineside.checkpoints.writer import CheckpointStore
from lineside.errors import CheckpointFailed
from tests.unit.checkpoints.toys import tensors

RUN = "struck"
BEST = "best.bin"
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.truncate"}
Say = Callable[[str], None]


def in_two_pieces(data: bytes) -> PartWriter:
    def write(path: Path) -> None:
        path.write_bytes(data[: len(data) // 2])
        with path.open("ab") as file:
            file.write(data[len(data) // 2 :])

    return write


def payload(step: int) -> bytes:
    """Return what belongs to a step; large enough that half of it does not look whole."""
    return step.to_bytes(4, "big") * 256


def toy(step: int) -> Contents:
    return Contents({"model.safetensors": in_two_pieces(tensors(step))}, {"rank-0/state.json": {"step": step}})


def opened(work: Path) -> CheckpointStore:
    return CheckpointStore(work / "checkpoints", RUN, retention=[KeepLast(2)])


def commit(store: CheckpointStore, step: int, **options: Any) -> str:
    outside = {store.root.parent / BEST: in_two_pieces(payload(step))}
    return store.save(toy(step), step=step, epoch=0, standalone=outside, **options).name


def prepare(work: Path) -> None:
    """Leave four checkpoints, each kept for another reason: pinned, best, last but one, last."""
    store = opened(work)
    commit(store, 1, pins=["EarlyStopping"])
    commit(store, 2, tags=["best"])
    commit(store, 3)
    commit(store, 4)


def save(work: Path, say: Say) -> None:
    """Commit step 5, which frees step 3."""
    store = opened(work)
    store.sweep()
    say("saving")
    commit(store, 5)
    say("saved")


def prepare_recovery(work: Path) -> None:
    """Leave, beside the four, what a dead attempt can leave: staging, trash, and a file that waits for its place."""
    prepare(work)
    child = os.fork()
    if child == 0:
        StandaloneFiles.publish = lambda self: os._exit(0)  # type: ignore[method-assign]
        commit(opened(work), 5)
    os.waitpid(child, 0)
    for hidden in (".staging-epoch0001-step00000006-0000", ".trash-epoch0001-step00000001-0000"):
        (work / "checkpoints" / hidden / "rank-0").mkdir(parents=True)
        (work / "checkpoints" / hidden / "rank-0" / "state.json").write_bytes(b"half")


def recover(work: Path, say: Say) -> None:
    """Sweep, prune and rebuild after a dead attempt."""
    store = opened(work)
    store.sweep()
    store.prune()
    store.rebuild()
    say("recovered")


def prepare_overwriting(work: Path) -> None:
    work.mkdir(parents=True)
    (work / BEST).write_bytes(payload(4))


def overwrite(work: Path, say: Say) -> None:
    """The control: what saves to one file without more do."""
    in_two_pieces(payload(5))(work / BEST)
    say("saved")


SCENARIOS: dict[str, tuple[Callable[[Path], None], Callable[[Path, Say], None]]] = {
    "save": (prepare, save),
    "recover": (prepare_recovery, recover),
    "overwrite": (prepare_overwriting, overwrite),
}


def arm(k: int, strike: Callable[[], None], *, lasting: bool) -> None:
    """Let `strike` be called at the k-th change, or at each from then on."""
    count = 0

    def change() -> None:
        nonlocal count
        count += 1
        if count == k or (lasting and count > k):
            strike()

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in CHANGES or (
            event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        ):
            change()

    os.fsync = lambda descriptor: change()
    sys.addaudithook(hook)


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail_with(code: int) -> Callable[[], None]:
    def fail() -> None:
        raise OSError(code, os.strerror(code))

    return fail


FAULTS: dict[str, tuple[Callable[[], None], bool]] = {
    "kill": (kill, False),
    "one I/O error": (fail_with(errno.EIO), False),
    "a disk that stays full": (fail_with(errno.ENOSPC), True),
}


def struck(work: Path, k: int, run: Callable[[Path, Say], None], fault: str) -> tuple[list[str], int]:
    """Run a scenario in a forked child; return what it said, and its exit code (0: it got through unstruck)."""
    strike, lasting = FAULTS[fault]
    hit = False

    def noting_strike() -> None:
        nonlocal hit
        hit = True
        strike()

    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 3
        try:
            arm(k, noting_strike, lasting=lasting)
            run(work, lambda word: os.write(writer, f"{word}\n".encode()) and None)
            code = 4 if hit else 0
        except CheckpointFailed:
            code = 5
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read().split()
    return said, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def every_strike(work: Path, scenario: str, fault: str) -> Iterator[dict[str, Any]]:
    os.fsync = lambda descriptor: None
    prepare_it, run = SCENARIOS[scenario]
    prepare_it(work / "pristine")
    for k in itertools.count(1):
        shutil.copytree(work / "pristine", work / str(k))
        said, code = struck(work / str(k), k, run, fault)
        yield {"k": k, "said": said, "code": code}
        if code == 0:
            return


if __name__ == "__main__":
    print(json.dumps(list(every_strike(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))))
