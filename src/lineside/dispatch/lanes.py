"""The background lane: a bounded queue and a daemon thread beside the training line.

The training thread only appends; it never wakes the lane's thread, which looks at its queue a few times a second
(waking a thread for each item costs the training loop about 200 µs). When the queue is full, items that may be lost
are dropped and counted; the others overflow to a file on disk.
"""

from __future__ import annotations

import logging
import marshal
import struct
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from lineside.dispatch.items import Item

log = logging.getLogger("lineside")

POLL_INTERVAL = 0.1
"""Seconds between two looks of an idle lane at its queue."""

_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """How much may wait in memory."""

    items: int = 1000
    bytes: int = 16 * 2**20


class Overflow:
    """Items that did not fit into memory: light shells in order, their data in a file without a name.

    The file dies with the process and cannot be reached by anybody else, so `marshal` is enough.

    Attributes:
        shells: each with whether its data is on the disk.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._file: FileIO | None = None
        self._failed = False
        self._lock = threading.Lock()
        self._start = self._end = 0
        self.shells: deque[tuple[Item, bool]] = deque()

    def __len__(self) -> int:
        """Return how many items wait here."""
        return len(self.shells)

    def append(self, item: Item) -> None:
        """Put an item behind the others; one that cannot be written, on a full disk say, waits in memory."""
        shell, plain = item.unloaded()
        with self._lock:
            on_disk = plain is not None and self._write(plain)
            self.shells.append((item if plain is not None and not on_disk else shell, on_disk))

    def _write(self, plain: Any) -> bool:
        try:
            record = marshal.dumps(plain)
            if self._file is None:
                # Without a buffer, which would try again, and fail again, at every later access.
                self._file = tempfile.TemporaryFile(buffering=0, dir=self._directory)  # noqa: SIM115 - as long as the lane
            self._file.seek(self._end)
            rest = memoryview(_LENGTH.pack(len(record)) + record)
            while rest:
                rest = rest[self._file.write(rest) :]
        except (OSError, ValueError) as error:
            if not self._failed:
                self._failed = True
                log.warning("What waits for a slow callback stays in memory, since the disk cannot take it: %s", error)
            return False
        self._end = self._file.tell()
        return True

    def take(self) -> Item:
        """Remove and return the oldest item."""
        with self._lock:
            item, on_disk = self.shells.popleft()
            if on_disk and self._file is not None:
                self._file.seek(self._start)
                (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
                self._start += _LENGTH.size + length
                record = self._file.read(length)
                if self._start == self._end:
                    self._start = self._end = 0
                    self._file.truncate(0)
                item.load(marshal.loads(record))  # noqa: S302 - written by this very object
            return item

    def close(self) -> None:
        """Give the file back; what still waits in it is lost."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


class Lane:
    """A bounded queue with its own thread.

    Args:
        name: of the callback; names the thread.
        handle: called for each item, in order, on the lane's thread; must not raise.
        limits: how much may wait in memory before items are dropped or overflow.
        directory: where overflowing items go; a temporary directory unless given.

    Attributes:
        append: adds an item that was admitted.
        takes: how often something was taken, from memory or disk.
        full_at: at which count of them there was no room for an item of a batch; as long as it stays, there is none.
        dropped_unmade: items of batches that were lost before they were made.
    """

    def __init__(
        self,
        name: str,
        handle: Callable[[Any], None],
        limits: LaneLimits | None = None,
        directory: Path | None = None,
    ) -> None:
        self.name = name
        self._limits = limits or LaneLimits()
        self._handle = handle
        self._queue: deque[Item] = deque()
        self.append: Callable[[Item], None] = self._queue.append
        self._overflow = Overflow(directory)
        # The training thread, the poller and other callbacks all put; only the lane's thread takes. What waits is the
        # difference of the counters.
        self._putting = threading.Lock()
        self._put_items = self._put_bytes = 0
        self._taken_items = self._taken_bytes = 0
        self._dropped = self.dropped_unmade = 0
        self.takes, self.full_at = 0, -1
        self._hurry = threading.Event()
        self._closing = False
        self._abandoned = False
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """Items that wait, in memory and on disk."""
        return self._put_items - self._taken_items + len(self._overflow)

    def put(self, item: Item, *, droppable: int = 0) -> None:
        """Append an item; never blocks.

        Args:
            item: what to hand to the lane's thread.
            droppable: how many records are lost, and counted, if there is no room; 0 if the item must not be lost.
        """
        weight = item.weight
        with self._putting:
            full = self._is_full(weight)
            if full and droppable:
                self._dropped += droppable
            elif full:
                self._overflow.append(item)
            else:
                self._put_items += 1
                self._put_bytes += weight
                self._queue.append(item)

    @property
    def dropped(self) -> int:
        """Records that were lost because there was no room."""
        return self._dropped + self.dropped_unmade

    def admit(self, weight: int) -> bool:
        """Keep room for an item that is appended next; where there is none, count a record as lost, which is not made.

        For the training thread alone, which need not ask again before `takes` is another than `full_at`.
        """
        with self._putting:
            takes, limits = self.takes, self._limits
            # As `_is_full` says, without a call.
            full = self._put_items - self._taken_items >= limits.items or self._overflow.shells
            if not full and self._put_bytes - self._taken_bytes + weight <= limits.bytes:
                self._put_items += 1
                self._put_bytes += weight
                return True
            self.full_at = takes
        self.dropped_unmade += 1
        return False

    def _is_full(self, weight: int) -> bool:
        return (
            bool(self._overflow.shells)
            or self._put_items - self._taken_items >= self._limits.items
            or self._put_bytes - self._taken_bytes + weight > self._limits.bytes
        )

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._work, name=f"lineside-{self.name}", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._abandoned:
            self.run_waiting()
            if self._closing and not self.waiting:
                break
            self._hurry.wait(POLL_INTERVAL)
            self._hurry.clear()
        self._overflow.close()

    def run_waiting(self) -> None:
        """Handle everything that waits, on the calling thread."""
        while not self._abandoned:
            if self._queue:
                item = self._queue.popleft()
                self._handle(item)
                self._taken_bytes += item.weight
                self._taken_items += 1
                self.takes += 1
            elif self._overflow:
                self._handle_overflowed()
            else:
                return

    def _handle_overflowed(self) -> None:
        try:
            item = self._overflow.take()
        except Exception:
            with self._putting:
                self._dropped += 1
            log.exception("Something that waited for callback %s on the disk could not be read back.", self.name)
        else:
            self._handle(item)
        finally:
            self.takes += 1

    def hurry(self) -> None:
        """Let the thread look at its queue at once, because somebody waits for what is in it."""
        self._hurry.set()

    def ask_to_close(self) -> None:
        """Let the thread end when its queue is empty."""
        self._closing = True
        self.hurry()

    def join(self, deadline: float) -> bool:
        """Wait for the thread until a time of `time.monotonic`; tell whether it ended.

        A thread that does not end is left behind: it is a daemon and does not hold up the exit of the process.
        """
        self.ask_to_close()
        if self._thread is None:
            self._overflow.close()
            return True
        self._thread.join(max(0.0, deadline - time.monotonic()))
        ended = not self._thread.is_alive()
        self._abandoned = not ended
        return ended
