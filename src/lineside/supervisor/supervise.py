"""The story of a supervised command: it is started, looked after, and started again until it has come to its end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from lineside.errors import RunNotFound, StoreError
from lineside.language import text
from lineside.store.directory import RunDirectory
from lineside.store.handover import FILE, Handover, Opened
from lineside.store.liveness import is_dead
from lineside.supervisor.backoff import Backoff
from lineside.supervisor.child import Child
from lineside.supervisor.ending import NOT_EXECUTABLE, NOT_FOUND, TRY_AGAIN, Ending
from lineside.supervisor.memory import Memory
from lineside.supervisor.notice import Notice, again, died, span
from lineside.supervisor.settings import Settings
from lineside.supervisor.signals import Signals
from lineside.supervisor.terminal import Terminal
from lineside.supervisor.vigil import LOOK, Vigil

_ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
_GRACE: Final = 30.0
"""Seconds that a training that stalls has to save and end when it is told to."""


class Messenger(Protocol):
    """Sends what is told, without ever keeping the supervisor waiting."""

    def send(self, notice: Notice, run: RunDirectory | None) -> None:
        """Have something sent, and with it what the run left in its outbox."""
        ...

    def deliver(self, run: RunDirectory) -> None:
        """Have sent what a run that is over left in its outbox."""
        ...

    def tend(self) -> None:
        """Look after what is under way; called about once a second."""
        ...


class Supervisor:
    """Supervises one command, or the run of somebody else.

    Args:
        settings: what to do.
        messenger: sends alerts.
        signals: of this process, taken over.
        terminal: of this process.
        scratch: an empty directory that lasts as long as this does.
        say: prints a line for whoever sits at the terminal.
        backoff: how long to wait before a restart.
        clock: seconds that only ever grow.
    """

    def __init__(
        self,
        settings: Settings,
        messenger: Messenger,
        signals: Signals,
        terminal: Terminal,
        scratch: Path,
        say: Callable[[str], None],
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._messenger = messenger
        self._signals = signals
        self._terminal = terminal
        self._scratch = scratch
        self._say = say
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._handover = Handover(scratch / "attempt-1")
        self._vigil = Vigil(settings, Path.cwd(), self._tell, clock)
        self._restarts = self._told_of = 0

    def supervise(self) -> int:
        """Go on until the command, or the run, is over for good; return the exit code of the last attempt."""
        settings, began = self._settings, self._clock()
        watched = RunDirectory(Path(settings.run)) if settings.run is not None else None
        if watched is not None:
            self._say(text(f"watching {watched.name}", f"正在监视 {watched.name}"))
        ending = self._attempt() if watched is None else self._watch(watched)
        if watched is not None and settings.command:
            record = watched.read_record()
            self._handover.add(Opened(str(watched.path), record.project, record.name))
        while (wait := self._wait_for_restart(ending, self._clock() - began)) is not None:
            if (interrupted := self._pause(wait)) is not None:
                return interrupted
            self._restarts += 1
            self._handover = self._handover.next(self._scratch / f"attempt-{self._restarts + 1}")
            began = self._clock()
            ending = self._attempt()
        if (run := self._run() or watched) is not None:
            self._messenger.deliver(run)
        return ending.code

    # ---- one attempt ---------------------------------------------------------------------------------------------

    def _attempt(self) -> Ending:
        """Start the command, and look after it until it has ended."""
        command = self._settings.command
        try:
            child = Child(command, os.environ | {FILE: str(self._handover.path)}, self._terminal)
        except OSError as error:
            code = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
            return Ending(code, refusal=error.strerror or str(error))
        ending = self._look_after(child)
        child.sweep()
        self._vigil.look(self._run())
        self._vigil.over()
        run, record = self._run(), self._vigil.record
        # Its process may have left our group, as daemons do: it is watched as that of a stranger. Or a wrapper has
        # ended well though the training was killed: the run knows better.
        runs = run is not None and record is not None and record.status == "running"
        if run is not None and runs and (ending.code == 0 or self._is_live(run)):
            return self._watch(run)
        return ending

    def _look_after(self, child: Child) -> Ending:
        memory, due, told_to_end = Memory(child.pid), 0.0, 0.0
        while (status := child.ended()) is None:
            for number in self._signals.wait(due - self._clock()):
                child.pass_on(number)
            if child.suspended:
                self._terminal.take_back()
                self._signals.suspend()
                child.go_on()
            if self._clock() < due:
                continue
            due = self._clock() + LOOK
            memory.look()
            run = self._run()
            self._vigil.look(run)
            self._messenger.tend()
            self._tell_of_restart(run)
            if self._settings.end_stalled and self._vigil.stalled:
                told_to_end = told_to_end or self._end(child)
                if self._clock() - told_to_end >= _GRACE:
                    child.kill()
        self._tell_of_restart(self._run())  # it may have been over within one look
        killed = status == -signal.SIGKILL or status == 128 + signal.SIGKILL
        return Ending(status if status >= 0 else 128 - status, killed and memory.ran_out(), bool(told_to_end))

    def _tell_of_restart(self, run: RunDirectory | None) -> None:
        """Tell once, when the run is open, that a restart has brought it back."""
        if run is not None and self._told_of < self._restarts:
            self._told_of = self._restarts
            self._tell(again(run.name, self._restarts, self._settings.restarts), run)

    def _end(self, child: Child) -> float:
        child.pass_on(signal.SIGTERM)
        return self._clock()

    def _run(self) -> RunDirectory | None:
        """Return the run that this attempt has opened last."""
        opened = self._handover.opened()
        return RunDirectory(Path(opened[-1].run)) if opened else None

    # ---- a run of somebody else ----------------------------------------------------------------------------------

    def _watch(self, run: RunDirectory) -> Ending:
        """Look after a run until its process has ended; a signal ends us, and not it."""
        while self._is_live(run):
            self._vigil.look(run)
            self._messenger.tend()
            for number in self._signals.wait(LOOK):
                if number in _ENDING:
                    return Ending(128 + number)
                if number is signal.SIGTSTP:
                    self._signals.suspend()
        self._vigil.look(run)
        self._vigil.over()
        record = self._vigil.record
        return Ending(1, seen=False) if record is None else Ending.of_run(record.status, record.reason)

    def _is_live(self, run: RunDirectory) -> bool:
        try:
            record = run.read_record()
        except (RunNotFound, StoreError):
            return False
        return record.status == "running" and not is_dead(run, record, abs(time.time() - record.updated))

    # ---- between two attempts ------------------------------------------------------------------------------------

    def _wait_for_restart(self, ending: Ending, lived: float) -> float | None:
        """Tell how it ended; return the seconds until it is started again, None if it is not."""
        run, record = self._vigil.run, self._vigil.record
        status = None if record is None else record.status
        left = self._settings.restarts - self._restarts if self._settings.command else 0
        wait = None if left <= 0 or ending.final(status) else self._backoff.after(lived)
        what = self._settings.command[0] if record is None else record.id
        reason = record.reason if record is not None and record.status in ("failed", "completed", "stopped") else None
        notice = died(what, ending, reason, self._then(wait))
        if ending.code in (0, TRY_AGAIN) or ending.by_operator:
            if wait is not None:
                self._say(notice.line)
            return wait
        self._tell(notice, run)
        return wait

    def _then(self, wait: float | None) -> str:
        count, of = self._restarts + 1, self._settings.restarts
        if wait is not None:
            return text(
                f"it is started again in {span(wait)} (restart {count} of {of})",
                f"{span(wait)}后重新启动（第 {count} 次，共 {of} 次）",
            )
        if not of:
            return ""
        if self._restarts >= of:
            return text(f"all {of} restarts are used up", f"{of} 次重启已用完")
        return text("it is not started again, since it would end like this again", "不再重新启动，因为结果会相同")

    def _pause(self, seconds: float) -> int | None:
        """Wait; return an exit code if somebody ends us meanwhile."""
        until = self._clock() + seconds
        while (left := until - self._clock()) > 0:
            for number in self._signals.wait(min(left, LOOK)):
                if number in _ENDING:
                    return 128 + number
                if number is signal.SIGTSTP:
                    self._signals.suspend()
            self._messenger.tend()
        return None

    def _tell(self, notice: Notice, run: RunDirectory | None) -> None:
        self._say(notice.line)
        with suppress(OSError):
            self._messenger.send(notice, run)
