"""One helper process for work that burns CPU: plots, reports, encoding for sinks.

A busy Python thread slows the training thread to a fraction; a process of its own, made nice, does not.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import IO, Any

from lineside.dispatch.helper import Answer, frame, read_frame
from lineside.errors import OptionError

log = logging.getLogger("lineside")

POLL_INTERVAL = 0.1
"""Seconds between two looks at an empty queue: waking the thread for each job would cost the caller 200 µs."""

_TARGET = re.compile(r"(?!__main__)[\w.]+:\w+")
_ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class HelperLimits:
    """How much may wait for the helper, and how often a dead one is replaced."""

    items: int = 256
    bytes: int = 64 * 2**20
    restarts: int = 3


@dataclass(frozen=True, slots=True)
class _Job:
    target: str
    data: bytes
    deliver: Callable[[bytes], None] | None = None


class HelperProcess:
    """Runs functions in a process beside the training; started with the first job.

    Args:
        failed: called with the target and the traceback of a job that failed, on a thread of this object.
        limits: how much may wait.

    Attributes:
        dropped: jobs that were never done: no room, no helper, or too late.
    """

    def __init__(self, failed: Callable[[str, str], None], limits: HelperLimits | None = None) -> None:
        self.dropped = 0
        self._failed = failed
        self._limits = limits or HelperLimits()
        self._waiting: dict[Hashable, _Job] = {}
        self._at_end: dict[Hashable, _Job] = {}
        self._waiting_bytes = 0
        self._doing: _Job | None = None
        self._lock = threading.Lock()
        self._settled = threading.Condition(self._lock)
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None
        self._starts = 0
        self._closed = self._killed = self._behind = False
        self._notes: set[str] = set()

    def submit(
        self,
        target: str,
        arguments: Mapping[str, Any],
        key: str | None = None,
        *,
        at_end: bool = False,
        deliver: Callable[[bytes], None] | None = None,
    ) -> None:
        """Let the helper call ``package.module:function(**arguments)``; returns at once, from any thread.

        Where there is no room the job is dropped and counted. A text that the function returns is logged, once, as a
        warning.

        Args:
            target: the function, in a module that can be imported.
            arguments: numbers, texts, bytes, None, and lists, tuples and dicts of them. They are copied.
            key: a job of the same key that still waits is replaced, and this one takes its place.
            at_end: keep the job until `close`.
            deliver: called with the bytes that the function returns, on a thread of this object.

        Raises:
            OptionError: the target is not of that form, or the arguments are not plain data.
        """
        if not _TARGET.fullmatch(target):
            raise OptionError(f"offload: target={target!r} must be 'package.module:function', in a module of its own.")
        try:
            job = _Job(target, frame((target, dict(arguments))), deliver)
        except ValueError as error:
            raise OptionError(f"offload: the arguments of {target} must be plain data: {error}.") from error
        with self._lock:
            queue = self._at_end if at_end else self._waiting
            first_loss = not self._accept(job, object() if key is None else key, queue) and not self._behind
            self._behind |= first_loss
        if first_loss and not self._closed:
            self._failed(target, f"The helper process is behind: {len(self._waiting)} jobs wait. This one is dropped.")

    def _accept(self, job: _Job, key: Hashable, queue: dict[Hashable, _Job]) -> bool:
        old = queue.get(key)
        waiting_bytes = self._waiting_bytes + len(job.data) - (len(old.data) if old else 0)
        waiting_items = len(self._waiting) + len(self._at_end)
        no_room = waiting_bytes > self._limits.bytes or (old is None and waiting_items >= self._limits.items)
        if self._closed or no_room:
            self.dropped += 1
            return False
        queue[key] = job
        self._waiting_bytes = waiting_bytes
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="lineside-helper", daemon=True)
            self._thread.start()
        return True

    def drain(self, timeout: float) -> bool:
        """Wait until nothing waits and nothing is being done; tell whether that came within `timeout` seconds."""
        return self._wait_for(lambda: not self._waiting and self._doing is None, timeout)

    def await_deliveries(self, timeout: float) -> bool:
        """Wait until everything is delivered that was asked for; tell whether that came within `timeout` seconds."""
        return self._wait_for(lambda: not any(job.deliver for job in self._unfinished()), timeout)

    def _unfinished(self) -> Iterator[_Job]:
        yield from self._waiting.values()
        if self._doing is not None:
            yield self._doing

    def _wait_for(self, reached: Callable[[], bool], timeout: float) -> bool:
        self._hurry.set()
        with self._settled:
            done = self._settled.wait_for(reached, timeout)
        if not self._closed:
            self._hurry.clear()
        return done

    def close(self, timeout: float) -> bool:
        """Do what waits, and what was kept for the end, and end the helper; after `timeout` seconds it is killed.

        Returns:
            Whether all was done.
        """
        deadline = monotonic() + timeout
        with self._lock:
            self._closed = True
            for key, job in self._at_end.items():
                replaced = self._waiting.get(key)
                self._waiting_bytes -= len(replaced.data) if replaced is not None else 0
                self._waiting[key] = job
            self._at_end.clear()
        self._hurry.set()
        thread = self._thread
        if thread is None:
            return True
        thread.join(max(0.0, deadline - monotonic()))
        if not thread.is_alive():
            return True
        with self._lock:
            self._killed = True
            if self._process is not None:
                self._process.kill()
        thread.join(1.0)
        return False

    def _work(self) -> None:
        while not self._killed:
            job = self._take()
            if job is not None:
                self._do(job)
            elif self._closed:
                break
            else:
                self._hurry.wait(POLL_INTERVAL)
        self._hang_up()
        with self._lock:
            self.dropped += len(self._waiting)
            self._waiting.clear()

    def _take(self) -> _Job | None:
        with self._settled:
            job = None
            if self._waiting:
                job = self._waiting.pop(next(iter(self._waiting)))
                self._waiting_bytes -= len(job.data)
            self._doing = job
            self._settled.notify_all()
            return job

    def _do(self, job: _Job) -> None:
        process = self._process or self._start(job.target)
        if process is None or process.stdin is None or process.stdout is None:
            self.dropped += 1
            return
        answer: Answer | None = None
        with suppress(OSError):
            process.stdin.write(job.data)
            process.stdin.flush()
            answer = read_frame(process.stdout)
        printed = self._printed()
        if answer is None:
            how = f"The helper process died with exit code {_bury(process)}."
            self._process = None
            self._failed(job.target, f"{how}\n{printed}".rstrip())
            return
        error, returned = answer
        if printed:
            log.info("printed by %s in the helper process:\n%s", job.target, printed.rstrip())
        if error is not None:
            self._failed(job.target, error)
        if isinstance(returned, bytes):
            if job.deliver is not None:
                job.deliver(returned)
        elif returned is not None and returned not in self._notes:
            self._notes.add(returned)
            log.warning("%s", returned)

    def _start(self, target: str) -> subprocess.Popen[bytes] | None:
        """Start the helper with the same paths to modules, out of reach of the terminal's Ctrl-C."""
        if self._starts > self._limits.restarts:
            return None
        self._starts += 1
        code = f"import sys; sys.path[:] = {sys.path!r}; import lineside.dispatch.helper as h; h.serve({os.getpid()})"
        try:
            # It lives as long as this object; it has no name, so that it is gone with the last who has it open.
            self._output = self._output or tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
            with self._lock:
                if self._killed:
                    return None
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
                    [sys.executable, "-c", code],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._output,
                    env=os.environ | _ONE_CORE,
                    start_new_session=True,
                )
        except OSError as error:
            self._failed(target, f"The helper process does not start: {error}.")
            return None
        return self._process

    def _printed(self) -> str:
        """Take what jobs printed since the last look out of the file that catches it."""
        if self._output is None or not os.fstat(self._output.fileno()).st_size:
            return ""
        self._output.seek(0)
        printed = self._output.read()
        self._output.seek(0)
        self._output.truncate()
        return printed.decode(errors="replace")

    def _hang_up(self) -> None:
        if self._process is not None:
            _bury(self._process)
        if self._output is not None:
            self._output.close()


def _bury(process: subprocess.Popen[bytes]) -> int:
    """Close both ends, wait for the process, and return its exit code."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    return process.wait()
