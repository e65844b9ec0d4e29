"""Where requests are agreed and applied: restore, set_lr, validate, save, unpause, pause, stop, interrupt."""

from __future__ import annotations

import signal
import threading
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from traceback import format_exception
from typing import TYPE_CHECKING

from lineside.control import Kind, Outcome, Request, in_order
from lineside.dispatch.agreement import Agreement
from lineside.errors import CheckpointError, LinesideError, OptionError, RequestRefused, StateMismatch

if TYPE_CHECKING:
    from lineside.run.run import Run

ROUNDS = 2
"""Requests made by hooks that a validation or save itself fires are taken in one further round."""

RETAINED_BY_POLICY = ("best", "periodic", "last", "interrupt")
"""Tags of checkpoints that stay as long as a retention policy keeps them."""

PAUSE_POLL = 0.1
"""Seconds between two looks of a paused run at its requests."""

LONGEST_TRACEBACK = 20_000
"""Characters."""


TRY_AGAIN = 75
"""Exit code of a run that a callback has interrupted: ``EX_TEMPFAIL`` of ``sysexits.h``, which invites to try again."""


class Interrupted(SystemExit):
    """The run has saved and ends, to be resumed. The code is 128 + the signal, or `TRY_AGAIN`.

    Args:
        number: the signal; None where a callback has asked for it.
        why: its reason.
    """

    def __init__(self, number: signal.Signals | None, why: str = "") -> None:
        super().__init__(TRY_AGAIN if number is None else 128 + number)
        self.signal = number
        self.reason = f"interrupted: {why}" if number is None else f"interrupted by {number.name}"


class SafePoints:
    """Applies what was asked, in one order, and answers each request.

    Attributes:
        stopping: why the run is to end; None while it is not.
        replay_at: the step at which a request of an earlier attempt is due again.
    """

    def __init__(self, run: Run, agreement: Agreement) -> None:
        self._run = run
        self._agreement = agreement
        self._replay: list[tuple[int, Request]] = []
        self.replay_at: float = float("inf")
        self._pending: list[Request] = []
        self._stop: Request | None = None
        self.stopping: str | None = None
        self._answered: tuple[int, list[str]] = (0, [])
        self._paused = False
        self._pausing = threading.Event()

    @property
    def paused(self) -> bool:
        """Whether the run waits for somebody to unpause it."""
        return self._paused

    @property
    def pending(self) -> list[Request]:
        """What a checkpoint made now must not lose: requests behind the one that is being applied, and a stop for good.

        A stop stays pending until the run is over, so that one that is killed before does not train on when it resumes.
        """
        return self._pending if self._stop is None else [self._stop, *self._pending]

    def replay(self, requests: Sequence[tuple[int, Request]]) -> None:
        """Apply requests of an earlier attempt again, each at the step at which it was applied."""
        self._replay = sorted(requests, key=lambda pair: pair[0])
        self.replay_at = self._replay[0][0] if self._replay else float("inf")

    def _due_replay(self) -> list[Request]:
        step = self._run.progress.step
        count = bisect_right(self._replay, step, key=lambda pair: pair[0])
        due, self._replay = [request for _, request in self._replay[:count]], self._replay[count:]
        self.replay_at = self._replay[0][0] if self._replay else float("inf")
        return due

    def settle(self) -> None:
        """Take and apply what waits."""
        for _ in range(ROUNDS):
            if not self._round():
                return

    def _round(self) -> bool:
        run = self._run
        if not self._agreement.due(run.progress.step, bool(run.requests.waiting) or bool(self._replay)):
            return False
        requests = self._agreement.exchange(self._due_replay() + run.requests.take())
        self._apply(requests)
        return bool(requests)

    def _apply(self, requests: list[Request]) -> None:
        last_rate = {one.arguments.get("group"): one for one in in_order(requests) if one.kind is Kind.SET_LR}
        # Of a pause and an unpause at one safe point the later counts, and a run that is to end does not wait.
        ends = any(one.kind in (Kind.STOP, Kind.INTERRUPT) for one in requests)
        to_pause = [] if ends else [one for one in requests if one.kind in (Kind.PAUSE, Kind.UNPAUSE)][-1:]
        waiting, behind = in_order(requests), self._pending
        while waiting:
            request = waiting[0]
            if request.kind is Kind.SAVE:
                saves = [one for one in waiting if one.kind is Kind.SAVE]
                waiting = waiting[len(saves) :]
                self._pending = waiting + behind
                self._save(saves)
                continue
            # A checkpoint made while a request is applied holds it as pending, so it leaves the list afterwards.
            self._pending = waiting + behind
            if request.kind is Kind.SET_LR and (winner := last_rate[request.arguments.get("group")]) is not request:
                self._answer(request, refused=f"{winner.author} set another rate at the same step")
            else:
                self._apply_one(request)
            waiting = waiting[1:]
            if request.kind is Kind.PAUSE and to_pause == [request] and not self._paused:
                self._wait()
        self._pending = behind

    def _apply_one(self, request: Request) -> None:
        run, arguments = self._run, request.arguments
        try:
            match request.kind:
                case Kind.RESTORE:
                    run.restore_now(arguments["checkpoint"], weights_only=arguments["weights_only"])
                case Kind.SET_LR:
                    run.host_port.set_lr(arguments["value"], arguments.get("group"))
                case Kind.VALIDATE:
                    run.host_port.validate()
                case Kind.UNPAUSE:
                    self._paused = False
                case Kind.STOP:
                    self._stop = self._stop or request
                    self.stopping = self._stop.reason or f"stopped by {self._stop.author}"
                case Kind.INTERRUPT:
                    if run.interrupting is None:
                        self._answer(request, refused="the training is over")
                        return
                    self._answer(request)
                    run.interrupt_now()
        except (RequestRefused, OptionError, CheckpointError, StateMismatch) as refusal:
            self._refuse(request, refusal)
        else:
            self._answer(request)

    def _save(self, saves: list[Request]) -> None:
        """Commit one checkpoint for all saves of a safe point."""
        saves = [one for one in saves if self._can_write(one)]
        if not saves:
            return
        files = [one.arguments["file"] for one in saves if one.arguments.get("file")]
        failure = self._run.save_now(
            tags=list(dict.fromkeys(one.arguments.get("tag") or "manual" for one in saves)),
            pins=[owner for one in saves if (owner := _owner(one)) is not None],
            files=list(dict.fromkeys(files)),
            weights_only=all(one.arguments.get("weights_only") for one in saves),
        )
        if failure is not None:
            self._run.owe(saves)
        for one in saves:
            self._answer(one, refused=str(failure) if failure else None)

    def _can_write(self, save: Request) -> bool:
        """Refuse a stand-alone file that the host cannot write, before it spoils the saves of others."""
        file = save.arguments.get("file")
        try:
            if file:
                self._run.host_port.weight_file(Path(file).suffix)
        except (RequestRefused, OptionError) as refusal:
            self._refuse(save, refusal)
            return False
        return True

    def _refuse(self, request: Request, refusal: Exception) -> None:
        self._answer(request, refused=str(refusal))
        self._run.raise_refusal(request, refusal)

    def _answer(self, request: Request, refused: str | None = None) -> None:
        step = self._run.progress.step
        if step != self._answered[0]:
            self._answered = step, []
        if request.replayed:
            self._answered[1].append(request.id)
        self._run.record_request(request, Outcome(refused is None, step, refused or ""))

    @property
    def answered(self) -> list[str]:
        """Requests answered at the present step: a checkpoint of it knows them, and a resume does not repeat them."""
        step, ids = self._answered
        return ids if step == self._run.progress.step else []

    def refuse_rest(self) -> None:
        """Answer what came too late."""
        for request in self._run.requests.take():
            if request.kind is not Kind.INTERRUPT:
                self._answer(request, refused="the run is over")

    def _wait(self) -> None:
        """Wait until somebody unpauses, stops or interrupts; other requests are applied meanwhile."""
        run = self._run
        self._paused = True
        run.progress.stop_clock()
        run.record("paused", {})
        run.wiring.store.flush()  # whoever asked looks at once
        try:
            while self._paused and self._stop is None and not run.dispatcher.fatal:
                run.open_mail()
                self._round()
                self._pausing.wait(PAUSE_POLL)
        finally:
            self._paused = False
            run.progress.start_clock()
            run.record("unpaused", {})
            run.wiring.store.flush()


def _owner(save: Request) -> str | None:
    """Return who keeps the checkpoint of a save: a tag of somebody's own keeps the newest one that bears it."""
    pin: str | None = save.arguments.get("pin")
    tag = save.arguments.get("tag") or "manual"
    return pin if pin is not None or tag in RETAINED_BY_POLICY else f"tag:{tag}"


def culprit(error: BaseException) -> str:
    """Return how an error is named in records."""
    return str(error) if isinstance(error, LinesideError) else f"{type(error).__name__}: {error}"


def traceback_of(error: BaseException) -> str:
    """Return the traceback that is kept in records; of a long one the end, where the error itself stands."""
    return "".join(format_exception(error))[-LONGEST_TRACEBACK:]
