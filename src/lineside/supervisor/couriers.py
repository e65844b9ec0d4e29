"""Sending without libraries: each time there is something to send, a child that knows how is started, and ends.

That child is ``lineside deliver``, which records the alerts in the run's outbox before it sends them: what does not
arrive now waits there for the next one, for the next attempt of the run, or for whoever calls the command by hand.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from lineside.files import FileLock
from lineside.language import text
from lineside.outbox.places import DATABASE, LEASE, ROUTES
from lineside.store.directory import RunDirectory
from lineside.store.run_record import RunRecord
from lineside.supervisor.notice import Notice
from lineside.supervisor.settings import Settings

SECONDS: Final = 20.0
"""That a courier tries to send; what it does not bring about then waits for the next one."""
_BESIDE: Final = 2.0
"""That it stays where somebody else sends."""
_LONGER: Final = 20.0
"""Seconds that it has beyond them, to start and to end; then it is killed."""
_REST: Final = 30.0
"""Seconds until the next courier goes to where something waits; they double with each."""
_LONGEST_REST: Final = 600.0
_AT_END: Final = 25.0
"""Seconds that the supervisor waits at its end for what is under way."""
_MOST: Final = 100
"""Alerts that wait here for a courier; the oldest are forgotten, since they are in the terminal as well."""

Alert = tuple[Path, dict[str, Any]]
"""The directory of the outbox, and what is recorded there."""


class Couriers:
    """Sends what is told, and what runs left in their outboxes, one courier after the other.

    Args:
        settings: with the addresses, and where to keep what belongs to no run.
        scratch: where couriers write what they have to say.
        say: prints a line for whoever sits at the terminal.
        command: the courier.
        clock: seconds that only ever grow.
        sleep: waits.
    """

    def __init__(
        self,
        settings: Settings,
        scratch: Path,
        say: Callable[[str], None],
        command: Sequence[str] = (sys.executable, "-m", "lineside", "deliver"),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._output, self._errors = scratch / "courier.out", scratch / "courier.err"
        self._say = say
        self._command = command
        self._clock = clock
        self._sleep = sleep
        self._alerts = deque[Alert](maxlen=_MOST)
        self._owing: dict[Path, tuple[float, float]] = {}
        """Where something waits, from when on the next courier goes there, and how long the one after it rests."""
        self._process: subprocess.Popen[bytes] | None = None
        self._carried: list[Alert] = []
        self._to, self._until, self._not_before = Path(), 0.0, 0.0
        # What belongs to no run lies beside the runs, where a full temporary directory or a reboot does not matter.
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        self._own = RunDirectory(Path(settings.run_dir).absolute() / ".supervisor" / name)
        self._problem = ""

    def send(self, notice: Notice, run: RunDirectory | None) -> None:
        """Have an alert sent, and with it what the run left in its outbox; nothing where nobody gave an address."""
        if run is None and self._settings.alerts:
            run = self._own_place()
        if run is None or not (self._settings.alerts or (run.path / ROUTES).exists()):
            return
        self._alerts.append((run.path, notice.document() | {"key": secrets.token_hex(16)}))
        self.tend()

    def deliver(self, run: RunDirectory) -> None:
        """Have sent what a run that is over left in its outbox."""
        if (run.path / DATABASE).exists():
            self._owing.setdefault(run.path, (self._clock(), _REST))

    def tend(self) -> None:
        """Receive a courier that is back, and send the next one off."""
        if self._process is not None:
            if self._process.poll() is None and self._clock() < self._until:
                return
            self._receive(self._process)
        if self._clock() >= self._not_before and (directory := self._alerts[0][0] if self._alerts else self._due()):
            self._start(directory)

    def close(self) -> None:
        """Wait a while for what is under way, and say what could not be sent."""
        until = self._clock() + _AT_END
        with suppress(KeyboardInterrupt):
            while self._has_work_before(until) and self._clock() < until:
                self.tend()
                self._sleep(0.05)
        if self._process is not None:
            self._receive(self._process)
        for directory in {*self._owing, *(place for place, _ in self._alerts)}:
            words = text(
                f"Alerts could not be sent yet. To try again: lineside deliver {directory}",
                f"告警尚未送达。重试：lineside deliver {directory}",
            )
            self._say(words)

    def _has_work_before(self, until: float) -> bool:
        if self._process is not None:
            return True
        return self._not_before < until and bool(self._alerts or self._due() is not None)

    def _due(self) -> Path | None:
        now = self._clock()
        return next((place for place, (due, _) in self._owing.items() if due <= now), None)

    def _own_place(self) -> RunDirectory:
        """Return a directory with an outbox for what belongs to no run; made when it is needed."""
        if not self._own.record_path.exists():
            self._own.path.mkdir(parents=True)
            now, name = time.time(), Path(self._settings.command[0]).name
            self._own.write_record(RunRecord(self._own.name, name, name, "failed", now, now))
        return self._own

    def _start(self, directory: Path) -> None:
        self._carried = [alert for alert in self._alerts if alert[0] == directory]
        to = [word for address in self._settings.alerts for word in ("--to", address)]
        record = ["--record-stdin", *to] if self._carried else []
        # Where a run has a sender at work, it sends what is recorded, and the courier need not wait for it.
        seconds = _BESIDE if _has_sender(directory) else SECONDS
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [*self._command, str(directory), "--json", "--wait", f"{seconds:g} s", *record],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
        self._to, self._until = directory, self._clock() + SECONDS + _LONGER
        self._alerts = deque((alert for alert in self._alerts if alert[0] != directory), _MOST)
        with suppress(OSError):
            _hand_over(self._process.stdin, [json.dumps(alert) for _, alert in self._carried])

    def _receive(self, process: subprocess.Popen[bytes]) -> None:
        with suppress(OSError):
            os.killpg(process.pid, 9)  # what is left of it; nothing where it has ended by itself
        process.wait()
        self._process = None
        answer = _document(self._output)
        _, rest = self._owing.pop(self._to, (0.0, _REST))
        if answer is None:  # an alert that it has recorded all the same is known by its key
            self._alerts.extendleft(reversed(self._carried))
            self._not_before = self._clock() + _REST
        elif answer.get("waiting"):
            self._owing[self._to] = (self._clock() + rest, min(2.0 * rest, _LONGEST_REST))
        self._complain(answer)

    def _complain(self, answer: dict[str, Any] | None) -> None:
        """Say why something did not arrive, unless that was just said."""
        told = self._errors.read_text("utf-8", "replace").split("\n") if self._errors.exists() else []
        problem = next((line.removeprefix("lineside: ") for line in told if line.strip()), "")
        if problem and problem != self._problem and (answer is None or answer.get("waiting") or answer.get("failed")):
            self._say(problem)
        self._problem = problem


def _document(output: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(output.read_bytes() or b"null")
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _has_sender(directory: Path) -> bool:
    with suppress(OSError):
        return FileLock.is_held(directory / LEASE)
    return False


def _hand_over(stream: IO[bytes] | None, lines: Sequence[str]) -> None:
    if stream is not None:
        with stream:
            stream.write("".join(f"{line}\n" for line in lines).encode())
