"""Where requests are agreed and applied: restore, set_lr, validate, save, unpause, pause, stop, interrupt."""

from __future__ import annotations

import signal
import threading
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lineside.control import Kind, Outcome, Request, in_order
from lineside.dispatch.agreement import Agreement
from lineside.errors import LinesideError, OptionError, RequestRefused

if TYPE_CHECKING:
    from lineside.run.run import Run

ROUNDS = 2
"""Requests made by hooks that a validation or save itself fires are taken in one further round."""

PAUSE_POLL = 0.1
"""Seconds between two looks of a paused run at its requests."""


class Interrupted(SystemExit):
    """SIGTERM or SIGINT: the run has saved and ends; the code is 128 + the signal."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(128 + number)
        self.signal = number


class SafePoints:
    """Applies what was asked, in one order, and answers each request."""

    def __init__(self, run: Run, agreement: Agreement) -> None:
        self._run = run
        self._agreement = agreement
        self._replay: list[tuple[int, Request]] = []
        self.replay_at: float = float("inf")
        self.pending: list[Request] = []
        self.stopping: str | None = None
        self._pausing = threading.Event()

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
            if not self._agreement.due(self._run.progress.step, bool(self._run.requests.waiting) or bool(self._replay)):
                return
            requests = self._agreement.exchange(self._due_replay() + self._run.requests.take())
            if not requests:
                return
            self._apply(in_order(requests))

    def _apply(self, requests: list[Request]) -> None:
        last_rate = {request.arguments.get("group"): request for request in requests if request.kind is Kind.SET_LR}
        self.pending = requests
        while self.pending:
            request = self.pending[0]
            if request.kind is Kind.SAVE:
                saves = [one for one in self.pending if one.kind is Kind.SAVE]
                self.pending = self.pending[len(saves) :]
                self._save(saves)
                continue
            if request.kind is Kind.SET_LR and (winner := last_rate[request.arguments.get("group")]) is not request:
                self._answer(request, refused=f"{winner.author} set another rate at the same step")
            else:
                self._apply_one(request)
            # A checkpoint made while a request is applied holds it as pending, so it leaves the list afterwards.
            self.pending = self.pending[1:]

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
                case Kind.PAUSE:
                    self._answer(request)
                    self._wait()
                    return
                case Kind.STOP:
                    self.stopping = request.reason
                case Kind.INTERRUPT:
                    self._answer(request)
                    run.interrupt_now()
        except (RequestRefused, OptionError) as refusal:
            self._answer(request, refused=str(refusal))
            run.raise_refusal(request, refusal)
        else:
            self._answer(request)

    def _save(self, saves: list[Request]) -> None:
        """Commit one checkpoint for all saves of a safe point."""
        files = [one.arguments["file"] for one in saves if one.arguments.get("file")]
        failure = self._run.save_now(
            tags=list(dict.fromkeys(one.arguments.get("tag") or "manual" for one in saves)),
            pins=[one.arguments["pin"] for one in saves if one.arguments.get("pin")],
            files=list(dict.fromkeys(files)),
            weights_only=all(one.arguments.get("weights_only") for one in saves),
        )
        if failure is not None:
            self._run.owe(saves)
        for one in saves:
            self._answer(one, refused=str(failure) if failure else None)

    def _answer(self, request: Request, refused: str | None = None) -> None:
        outcome = Outcome(refused is None, self._run.progress.step, refused or "")
        self._run.record_request(request, outcome)

    def _wait(self) -> None:
        """Wait until somebody unpauses, stops or interrupts; rates and saves are applied meanwhile."""
        run = self._run
        run.progress.stop_clock()
        run.record("paused", {})
        try:
            while not self.stopping:
                run.open_mail()
                for request in in_order(run.requests.take()):
                    if request.kind is Kind.UNPAUSE:
                        self._answer(request)
                        return
                    if request.kind is Kind.SAVE:
                        self._save([request])
                    elif request.kind is not Kind.PAUSE:
                        self._apply_one(request)
                self._pausing.wait(PAUSE_POLL)
        finally:
            run.progress.start_clock()
            run.record("unpaused", {})


def culprit(error: BaseException) -> str:
    """Return how an error is named in records."""
    return str(error) if isinstance(error, LinesideError) else f"{type(error).__name__}: {error}"
