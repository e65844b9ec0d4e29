"""The background lane: a bounded queue and a daemon thread beside the training line.

The training thread only appends; it never wakes the lane's thread, which looks at its queue a few times a second
(waking a thread for each item costs the training loop about 200 µs). When the queue is full, items that may be lost
are dropped and counted; the others overflow to a file on disk.
"""

from __future__ import annotations

import marshal
import struct
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from lineside.dispatch.items import Item

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
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._file: IO[bytes] | None = None
        self._lock = threading.Lock()
        self._read = self._write = 0
        self._shells: deque[tuple[Item, bool]] = deque()

    def __len__(self) -> int:
        """Return how many items wait here."""
        return len(self._shells)

    def append(self, item: Item) -> None:
        """Put an item behind the others."""
        shell, plain = item.unloaded()
        with self._lock:
            if plain is not None:
                if self._file is None:
                    self._file = tempfile.TemporaryFile(dir=self._directory)
                data = marshal.dumps(plain)
                self._file.seek(self._write)
                self._file.write(_LENGTH.pack(len(data)) + data)
                self._write = self._file.tell()
            self._shells.append((shell, plain is not None))

    def take(self) -> Item:
        """Remove and return the oldest item."""
        with self._lock:
            item, on_disk = self._shells.popleft()
            if on_disk and self._file is not None:
                self._file.seek(self._read)
                (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
                item.load(marshal.loads(self._file.read(length)))
                self._read = self._file.tell()
                if self._read == self._write:
                    self._read = self._write = 0
                    self._file.truncate(0)
            return item


class Lane:
    """A bounded queue with its own thread.

    Args:
        name: of the callback; names the thread.
        handle: called for each item, in order, on the lane's thread; must not raise.
        limits: how much may wait in memory before items are dropped or overflow.
        directory: where overflowing items go; a temporary directory unless given.
    """

    def __init__(
        self,
        name: str,
        handle: Callable[[Any], None],
        limits: LaneLimits | None = None,
        directory: Path | None = None,
    ) -> None:
        self.name = name
        self.dropped = 0
        self._limits = limits or LaneLimits()
        self._handle = handle
        self._queue: deque[Item] = deque()
        self._overflow = Overflow(directory)
        # Each counter has one writer, so that no lock is needed: what waits is their difference.
        self._put_items = self._put_bytes = 0
        self._taken_items = self._taken_bytes = 0
        self._closing = threading.Event()
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
        full = (
            bool(self._overflow)
            or self._put_items - self._taken_items >= self._limits.items
            or self._put_bytes - self._taken_bytes + weight > self._limits.bytes
        )
        if full and droppable:
            self.dropped += droppable
            return
        if full:
            self._overflow.append(item)
            return
        self._put_items += 1
        self._put_bytes += weight
        self._queue.append(item)

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._work, name=f"lineside-{self.name}", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._abandoned:
            self.run_waiting()
            if self._closing.is_set() and not self.waiting:
                return
            self._closing.wait(POLL_INTERVAL)

    def run_waiting(self) -> None:
        """Handle everything that waits, on the calling thread."""
        while not self._abandoned:
            if self._queue:
                item = self._queue.popleft()
                self._handle(item)
                self._taken_bytes += item.weight
                self._taken_items += 1
            elif self._overflow:
                self._handle(self._overflow.take())
            else:
                return

    def ask_to_close(self) -> None:
        """Let the thread end when its queue is empty."""
        self._closing.set()

    def join(self, deadline: float) -> bool:
        """Wait for the thread until a time of `time.monotonic`; tell whether it ended.

        A thread that does not end is left behind: it is a daemon and does not hold up the exit of the process.
        """
        self._closing.set()
        if self._thread is None:
            return True
        self._thread.join(max(0.0, deadline - time.monotonic()))
        ended = not self._thread.is_alive()
        self._abandoned = not ended
        return ended
