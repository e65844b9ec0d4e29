from __future__ import annotations

import marshal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from lineside.dispatch.lanes import Lane, LaneLimits


class Number:
    """An item with a number in it, which goes to disk, and comes back."""

    def __init__(self, number: Any, weight: int = 1) -> None:
        self.number = number
        self.weight = weight

    def unloaded(self) -> tuple[Number, Any]:
        return Number(None, self.weight), self.number

    def load(self, plain: Any) -> None:
        self.number = plain


class Kept(Number):
    """An item that has nothing to put on disk."""

    def unloaded(self) -> tuple[Kept, Any]:
        return self, None


class Watched:
    """A lane whose items are handled on the thread of the test, until it is started."""

    def __init__(self, directory: Path | None = None, **limits: int) -> None:
        self.seen: list[Any] = []
        self.lane = Lane("watched", self._see, LaneLimits(**limits), directory)

    def _see(self, item: Number) -> None:
        self.seen.append(item.number)

    def put(self, numbers: range, *, droppable: int = 0) -> None:
        for number in numbers:
            self.lane.put(Number(number), droppable=droppable)

    def finish(self) -> list[Any]:
        self.lane.run_waiting()
        assert self.lane.join(0.0)
        return self.seen


def test_items_are_handled_in_order() -> None:
    watched = Watched()
    watched.put(range(100))
    assert watched.lane.waiting == 100
    assert watched.finish() == list(range(100))
    assert watched.lane.waiting == 0


def test_what_may_be_dropped_is_dropped_and_counted_exactly() -> None:
    watched = Watched(items=10)
    watched.put(range(15), droppable=3)
    assert watched.lane.dropped == 15
    assert watched.finish() == list(range(10))


def test_an_item_for_which_there_is_no_room_need_not_be_made() -> None:
    watched = Watched(items=2)
    for number in range(4):
        if watched.lane.admit(1):
            watched.lane.append(Number(number))
    assert watched.lane.dropped == 2
    assert watched.finish() == [0, 1]
    assert watched.lane.admit(1)


def test_room_that_is_kept_is_taken_from_nobody_else() -> None:
    watched = Watched(items=2)
    assert watched.lane.admit(1)
    watched.put(range(1, 3), droppable=1)
    watched.lane.append(Number(3))
    assert watched.lane.dropped == 1
    assert watched.finish() == [1, 3]


def test_there_is_room_again_once_the_disk_is_read(tmp_path: Path) -> None:
    watched = Watched(tmp_path, items=1)
    watched.put(range(3))
    assert not watched.lane.admit(1)
    watched.lane.run_waiting()
    assert watched.lane.admit(1)
    watched.lane.append(Number(3))
    assert watched.finish() == [0, 1, 2, 3]


def test_what_must_not_be_lost_overflows_to_the_disk_in_order(tmp_path: Path) -> None:
    watched = Watched(tmp_path, items=10)
    watched.put(range(500))
    assert watched.lane.dropped == 0
    assert watched.lane.waiting == 500
    assert list(tmp_path.iterdir()) == []  # the file has no name
    assert watched.finish() == list(range(500))


def test_once_something_overflowed_later_items_queue_behind_it() -> None:
    watched = Watched(items=2)
    watched.put(range(3))
    watched.put(range(100, 103), droppable=1)
    watched.put(range(3, 5))
    assert watched.lane.dropped == 3
    assert watched.finish() == [0, 1, 2, 3, 4]


def test_there_is_room_again_when_the_lane_has_caught_up() -> None:
    watched = Watched(items=2)
    watched.put(range(6))
    watched.lane.run_waiting()
    watched.put(range(6, 8), droppable=1)
    assert watched.lane.dropped == 0
    assert watched.finish() == list(range(8))


def test_bytes_are_bounded_too() -> None:
    watched = Watched(items=1000, bytes=100)
    for number in range(10):
        watched.lane.put(Number(number, weight=30), droppable=1)
    assert watched.lane.dropped == 7
    assert watched.finish() == [0, 1, 2]


def test_room_in_bytes_comes_back() -> None:
    watched = Watched(bytes=100)
    for number in range(9):
        watched.lane.put(Number(number, weight=40), droppable=1)
        if number % 2:
            watched.lane.run_waiting()
    assert watched.lane.dropped == 0
    assert watched.finish() == list(range(9))


def test_an_item_without_data_waits_in_order_with_the_others() -> None:
    watched = Watched(items=1)
    for number in range(9):
        watched.lane.put(Kept(number) if number % 3 == 0 else Number(number))
    assert watched.finish() == list(range(9))


def test_large_items_come_back_whole() -> None:
    watched = Watched(items=1)
    large = [("x" * 70_000, number, 0.1, float("inf")) for number in range(20)]
    for value in large:
        watched.lane.put(Number(value))
    assert watched.finish() == large


@contextmanager
def a_disk(monkeypatch: pytest.MonkeyPatch, room: int) -> Iterator[None]:
    """Let a file without a name take so many bytes, the last write cut short, and no more."""

    class Small(FileIO):
        def write(self, data: Any) -> int:
            left = room - self.tell()
            if left <= 0:
                raise OSError(28, "No space left on device")
            return super().write(memoryview(data)[:left])

    files = []

    def make(**options: Any) -> FileIO:
        assert options["buffering"] == 0
        descriptor, name = tempfile.mkstemp()
        Path(name).unlink()
        files.append(Small(descriptor, "rb+"))
        return files[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", make)
    yield
    assert all(file.closed for file in files)


@pytest.mark.parametrize("room", [0, 5, 40, 100, 1000])
def test_a_full_disk_loses_nothing_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, room: int
) -> None:
    with a_disk(monkeypatch, room):
        watched = Watched(items=3)
        watched.put(range(200))
        assert watched.finish() == list(range(200))
    assert caplog.text.count("No space left") == 1


def test_what_cannot_be_written_stays_in_memory() -> None:
    watched = Watched(items=1)
    values = [1, object(), 2, object(), 3]
    for value in values:
        watched.lane.put(Number(value))
    assert watched.finish() == values


def test_what_cannot_be_read_back_is_counted_and_the_rest_arrives(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(items=1)
    watched.put(range(5))
    right = marshal.loads
    broken = iter([True])
    monkeypatch.setattr(marshal, "loads", lambda data: right(data[:1] if next(broken, False) else data))
    assert watched.finish() == [0, 2, 3, 4]
    assert watched.lane.dropped == 1
    assert "could not be read back" in caplog.text


def test_a_started_lane_handles_on_a_daemon_thread_of_its_own() -> None:
    threads: list[threading.Thread] = []
    done = threading.Event()

    def handle(item: Number) -> None:
        threads.append(threading.current_thread())
        done.set()

    lane = Lane("mine", handle)
    lane.start()
    lane.put(Number(1))
    assert done.wait(10)
    assert threads[0].name == "lineside-mine"
    assert threads[0].daemon
    assert lane.join(time.monotonic() + 10)
    assert not threads[0].is_alive()


def test_closing_lets_everything_that_waits_be_handled_first() -> None:
    watched = Watched(items=10)
    watched.put(range(100))
    watched.lane.start()
    watched.lane.ask_to_close()
    assert watched.lane.join(time.monotonic() + 10)
    assert watched.seen == list(range(100))


def test_a_lane_that_hangs_is_left_behind_and_handles_nothing_more() -> None:
    entered, release = threading.Event(), threading.Event()
    handled: list[int] = []

    def handle(item: Number) -> None:
        entered.set()
        release.wait()
        handled.append(item.number)

    lane = Lane("hung", handle)
    for number in range(3):
        lane.put(Number(number))
    lane.start()
    assert entered.wait(10)
    assert not lane.join(time.monotonic())
    release.set()
    assert lane._thread is not None
    lane._thread.join(10)
    assert handled == [0]


def test_many_threads_put_and_nothing_is_miscounted() -> None:
    watched = Watched(items=50)
    watched.lane.start()
    threads = [threading.Thread(target=watched.put, args=(range(2000),), kwargs={"droppable": 1}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert watched.lane.join(time.monotonic() + 30)
    assert len(watched.seen) + watched.lane.dropped == 8000
    assert watched.lane.waiting == 0


def test_a_lane_that_was_never_started_closes_at_once() -> None:
    assert Lane("idle", lambda item: None).join(time.monotonic())
