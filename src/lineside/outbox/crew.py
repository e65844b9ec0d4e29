"""The processes that send: a send that hangs is cut with its process, and the others go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import SimpleQueue
from time import monotonic
from typing import Any, Final

from lineside.outbox.limits import Limits

REST: Final = 60.0
"""Seconds after which a worker without work is sent home."""

Message = Mapping[str, Any]


class Worker:
    """One process that sends one delivery after another.

    Args:
        tell: called on a thread of this object with each message of the process, and with None when it has died.
    """

    def __init__(self, tell: Callable[[Worker, Message | None], None]) -> None:
        code = f"import sys; sys.path[:] = {sys.path!r}; import lineside.outbox.worker as w; w.work({os.getpid()})"
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._tell = tell
        self.idle_since = monotonic()
        threading.Thread(target=self._read, name="lineside-worker", daemon=True).start()

    def _read(self) -> None:
        if self._process.stdout is not None:
            with suppress(ValueError, OSError), self._process.stdout as answers:
                for line in answers:
                    self._tell(self, json.loads(line))
        self._tell(self, None)

    def give(self, job: Message) -> None:
        """Hand over a delivery; one that is dead already says so itself."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.write(json.dumps(job).encode() + b"\n")
                self._process.stdin.flush()

    def end(self) -> None:
        """End the process at once, whatever it does."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()


class Crew:
    """A few workers, started when there is work for them.

    Args:
        limits: how many.

    Attributes:
        messages: what workers say, as pairs of worker and message; None for a message is a death. Anything else that
            its reader is to wake for may be put there as well.
    """

    def __init__(self, limits: Limits) -> None:
        self.messages: SimpleQueue[tuple[Worker | None, Message | None]] = SimpleQueue()
        self._size = limits.workers
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()

    @property
    def is_full(self) -> bool:
        """Whether all workers are busy."""
        return len(self._busy) >= self._size

    def give(self, job: Message) -> Worker:
        """Let a worker send a delivery. Raises `OSError` where no process can be started."""
        worker = self._idle.pop() if self._idle else Worker(self._tell)
        self._busy.add(worker)
        worker.give(job)
        return worker

    def _tell(self, worker: Worker, message: Message | None) -> None:
        self.messages.put((worker, message))

    def free(self, worker: Worker) -> None:
        """Say that a worker is done with its delivery."""
        self._busy.remove(worker)
        worker.idle_since = monotonic()
        self._idle.append(worker)

    def bury(self, worker: Worker) -> None:
        """End a worker, or clear up behind one that has died."""
        self._busy.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        worker.end()

    def send_home(self) -> None:
        """End the workers that have had nothing to do for a while."""
        for worker in [worker for worker in self._idle if monotonic() - worker.idle_since > REST]:
            self.bury(worker)

    def close(self) -> None:
        """End all workers at once."""
        for worker in [*self._busy, *self._idle]:
            self.bury(worker)
