from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from lineside.system.processes import ProcessTree

MIB = 2**20
HOLD = "held = bytearray(64 * 2**20); held[::4096] = b'x' * len(held[::4096]); print('ready', flush=True); input()"


def test_the_memory_of_children_is_counted() -> None:
    tree = ProcessTree(psutil)
    alone = tree.look()
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        together = tree.look()
        child.communicate(b"\n")
    assert together.rss - alone.rss >= 64 * MIB
    if sys.platform == "linux":
        assert alone.pss is not None
        assert together.pss is not None
        assert together.pss - alone.pss >= 60 * MIB
        assert 0 < together.pss <= together.rss


def test_cpu_time_is_that_since_the_last_look() -> None:
    tree = ProcessTree(psutil)
    assert tree.look().cpu_seconds == 0.0
    before = psutil.Process().cpu_times().user
    while psutil.Process().cpu_times().user - before < 0.05:
        sum(range(10_000))
    assert tree.look().cpu_seconds >= 0.04


class Stub:
    """psutil, with processes that a test makes up; the first of them is this one."""

    Error = psutil.Error

    def __init__(self, *processes: StubProcess) -> None:
        self.AccessDenied = psutil.AccessDenied
        self.processes = list(processes)
        processes[0].descendants = lambda: self.processes[1:]

    def Process(self, pid: int) -> StubProcess:  # noqa: N802 - as psutil calls it
        return self.processes[0]


class StubProcess:
    """A process whose counters a test sets, and which may refuse to tell."""

    def __init__(self, pid: int, *, seconds: float = 0.0, moved: int = 0, created: float = 1.0) -> None:
        self.pid, self.seconds, self.moved, self.created = pid, seconds, moved, created
        self.descendants: Any = list
        self.refuses: dict[str, Exception] = {}

    def children(self, *, recursive: bool) -> list[StubProcess]:
        assert recursive
        return self._tell("children", list(self.descendants()))

    def oneshot(self) -> Any:
        return nullcontext()

    def create_time(self) -> float:
        return self.created

    def cpu_times(self) -> Any:
        return self._tell("cpu", SimpleNamespace(user=self.seconds, system=1.0))

    def io_counters(self) -> Any:
        return self._tell("io", SimpleNamespace(read_bytes=self.moved, write_bytes=2 * self.moved))

    def memory_full_info(self) -> Any:
        return self._tell("full", SimpleNamespace(rss=100, pss=60, swap=5))

    def memory_info(self) -> Any:
        return SimpleNamespace(rss=100)

    def _tell(self, what: str, answer: Any) -> Any:
        if what in self.refuses:
            raise self.refuses[what]
        return answer


def test_counters_are_differences_and_those_of_the_first_look_are_nothing() -> None:
    own, worker = StubProcess(1, seconds=50.0, moved=1000), StubProcess(2, seconds=5.0, moved=100)
    tree = ProcessTree(Stub(own, worker))
    first = tree.look()
    assert (first.cpu_seconds, first.read, first.written) == (0.0, 0, 0)
    own.seconds, worker.seconds, worker.moved = 51.0, 7.5, 400
    second = tree.look()
    assert (second.cpu_seconds, second.read, second.written) == (3.5, 300, 600)
    assert (second.rss, second.pss, second.swap) == (200, 120, 10)


def test_a_process_that_began_since_the_last_look_counts_whole() -> None:
    psutil_of_test = Stub(own := StubProcess(1, seconds=50.0))
    tree = ProcessTree(psutil_of_test)
    tree.look()
    psutil_of_test.processes.append(StubProcess(2, seconds=3.0, moved=10))
    use = tree.look()
    assert (use.cpu_seconds, use.read) == (4.0, 10)  # its three seconds of user time and one of the system
    assert own.seconds == 50.0


def test_a_number_that_is_given_to_another_process_is_not_taken_for_the_old_one() -> None:
    psutil_of_test = Stub(StubProcess(1), StubProcess(2, seconds=500.0))
    tree = ProcessTree(psutil_of_test)
    tree.look()
    psutil_of_test.processes[1] = StubProcess(2, seconds=2.0, created=99.0)
    assert tree.look().cpu_seconds == 3.0


def test_a_process_that_has_just_ended_is_left_out() -> None:
    own, worker = StubProcess(1), StubProcess(2)
    worker.refuses["cpu"] = psutil.NoSuchProcess(2)
    assert ProcessTree(Stub(own, worker)).look().rss == 100


def test_children_that_cannot_be_listed_are_none() -> None:
    own = StubProcess(1)
    own.refuses["children"] = psutil.AccessDenied(1)
    assert ProcessTree(Stub(own)).look().rss == 100


@pytest.mark.parametrize("refusal", [psutil.AccessDenied(1), AttributeError("io_counters")])
def test_where_bytes_are_not_counted_they_are_unknown(refusal: Exception) -> None:
    own = StubProcess(1)
    own.refuses["io"] = refusal
    use = ProcessTree(Stub(own)).look()
    assert (use.read, use.written, use.rss) == (None, None, 100)


def test_where_shared_memory_is_not_told_only_the_resident_one_is_known() -> None:
    own = StubProcess(1)
    own.refuses["full"] = psutil.AccessDenied(1)
    use = ProcessTree(Stub(own)).look()
    assert (use.rss, use.pss, use.swap) == (100, None, None)
