"""`Run`: one training, from setup to teardown, whoever owns the loop."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from time import perf_counter_ns
from types import TracebackType
from typing import Any, NoReturn, Self

from lineside.callback import Callback
from lineside.checkpoints.format import MetricRecord
from lineside.control import Kind, Outcome, Request
from lineside.dispatch.agreement import Agreement, SingleProcess
from lineside.dispatch.profile import CallbackCost, Cost, summarize
from lineside.dispatch.signals import SignalGuard
from lineside.dispatch.snapshot import Identity
from lineside.dispatch.summary import table
from lineside.errors import CheckpointError, RunStateError
from lineside.events import Event
from lineside.metrics import MetricTable
from lineside.ports import Alert, Host
from lineside.run import advising, ending, saving, trying
from lineside.run.attach import attach, check_weight_files, described
from lineside.run.hosts import host_for_loop
from lineside.run.rehearsal import RehearsingLoop
from lineside.run.safe_points import Interrupted, SafePoints, culprit, traceback_of
from lineside.run.session import Place, Session
from lineside.run.wiring import Wiring
from lineside.trials import Trials

log = logging.getLogger("lineside")


class Run(RehearsingLoop):
    """One training of a loop of your own; the native trainer and the bridges stand on it as well.

    Use it as a context manager::

        with Run(model=model, optimizer=optimizer, callbacks=["early-stopping"]) as run:
            for epoch in run.epochs(20):
                for x, y in run.batches(train_loader):
                    ...
                with run.validation():
                    ...

    Args:
        model: a module, or a dict of modules; None for a run that only logs, watches and stops.
        optimizer: an optimizer, or a dict of optimizers.
        scheduler: learning-rate schedulers, whose state is saved; you step them.
        callbacks: objects or registered names.
        project: runs of one project lie in one directory.
        name: what the run is called; a timestamp and four digits are added.
        run_dir: where all projects lie.
        resume: None for a new run, ``"auto"`` for the newest one of this project and name that was interrupted, failed
            or was killed (or a new one), or the name or directory of a run.
        start_from: a checkpoint from which a new run branches.
        continue_stopped: go on although the run to be resumed was stopped, which is final otherwise.
        seed: of all random generators and of the order of batches; None leaves the generators alone.
        hparams: hyper-parameters, for the record and for sinks.
        extras: further objects with ``state_dict`` and ``load_state_dict`` to be saved, by name.
        validate: a function that runs a validation, for callbacks and operators that ask for one.
        gradients: let callbacks see the gradients of a step that TensorFlow compiles; it leaves a copy of gradients
            and weights then. Those of torch they see anyway.
        host: the engine, given by the trainer and the bridges.
        agreement: how ranks agree on requests, given by bridges whose framework trains in several processes.
    """

    def __init__(
        self,
        *,
        model: Any = None,
        optimizer: Any = None,
        scheduler: Any = None,
        callbacks: Sequence[Callback | str] = (),
        project: str = "default",
        name: str | None = None,
        run_dir: str | Path = "runs",
        resume: str | Path | None = None,
        start_from: str | Path | None = None,
        continue_stopped: bool = False,
        seed: int | None = 0,
        hparams: Mapping[str, Any] | None = None,
        extras: Mapping[str, Any] | None = None,
        validate: Callable[[], None] | None = None,
        gradients: bool = False,
        host: Host | None = None,
        agreement: Agreement | None = None,
    ) -> None:
        super().__init__(seed or 0)
        self.host_port = host or host_for_loop(model, optimizer, scheduler, extras or {}, validate, gradients=gradients)
        freeze, freeze_all = self.host_port.freeze, self.host_port.freeze_all
        self.table, self.batch_table = MetricTable(freeze), MetricTable(freeze, freeze_all)
        self.points = SafePoints(self, agreement or SingleProcess())
        self.interrupting: Interrupted | None = None
        self._callbacks: list[Callback | str] = list(callbacks)
        self._seeding = seed
        self._open: Callable[[], Session] = partial(
            Session.open,
            Place(Path(run_dir).resolve(), project, name),
            resume=resume,
            start_from=start_from,
            continue_stopped=continue_stopped,
            seed=seed,
            hparams=hparams or {},
            in_epoch="resume_in_epoch" in self.host_port.capabilities.abilities,
        )
        self._go_on = continue_stopped
        self._session: Session | None = None
        self.signals = SignalGuard(self._interrupt)
        self._saved_at: tuple[int, int, str] | None = None
        self._owed: list[Request] = []
        self._save_cost = Cost()

    @classmethod
    def for_evaluation(
        cls, directory: Path | None, *, project: str, name: str | None, run_dir: str | Path, **options: Any
    ) -> Self:
        """Return a run for an evaluation outside of training, with the options of `Run`.

        `directory` is that of the run whose model it is; None for a run of its own.
        """
        run = cls(project=project, name=name, run_dir=run_dir, **options)
        run._open = partial(Session.for_evaluation, Place(Path(run_dir).resolve(), project, name), directory)
        return run

    @property
    def opened(self) -> bool:
        """Whether the run has, or had, a directory."""
        return self._session is not None

    @property
    def optimizers(self) -> Mapping[str, Any]:
        """The framework's own optimizers by name; none where the run only evaluates, and nobody steps them."""
        return {} if self._session is not None and self._session.evaluates else self.host_port.optimizers

    def add_callback(self, callback: Callback | str) -> None:
        """Add a callback behind the others. Raises `RunStateError` once the run is open."""
        self._refuse_when_open("add_callback")
        self._callbacks.append(callback)

    def remove_callback(self, callback: Callback | str) -> None:
        """Take a callback out. Raises `RunStateError` once the run is open, or if the callback is not there."""
        self._refuse_when_open("remove_callback")
        if callback not in self._callbacks:
            raise RunStateError(f"{callback!r} is not among the callbacks of this run: {self._callbacks}.")
        self._callbacks.remove(callback)

    def _refuse_when_open(self, method: str) -> None:
        if self._session is not None:
            raise RunStateError(f"{method}() is possible until the run opens: callbacks see it from its setup on.")

    # ---- opening -------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Open the directory, wire everything, set callbacks up, and restore what is to be resumed."""
        callbacks = attach(self._callbacks, self.host_port.name, self.host_port.capabilities)
        check_weight_files(callbacks, self.host_port)
        self._refuse_when_open("with")
        session = self._session = self._open()
        self.identity = Identity(
            session.record.project,
            session.directory.name,
            session.directory.path,
            self.host_port.name,
            session.record.attempt,
            self.rank,
            self.world_size,
            session.record.hparams,
            described(callbacks),
        )
        self.checkpoints = session.checkpoints
        try:
            self.wiring = Wiring(self, session, callbacks)
            self._take_dispatcher(self.wiring.dispatcher)
        except BaseException:
            session.close("failed", "the run could not be set up", {})
            raise
        try:
            self._set_up(session)
        except BaseException as error:
            self._leave(error)
            raise
        return self

    def _set_up(self, session: Session) -> None:
        self.progress.open_clock()
        self.watch_host()
        self.signals.install()
        self.wiring.start()
        if not session.evaluates:
            advising.give(self)
        if self._seeding is not None:
            self.host_port.seed(self._seeding)
        self.dispatcher.emit(Event.SETUP)
        if session.checkpoint is not None:
            saving.restore(self, session.checkpoint, go_on=self._go_on or session.branched)
            if not session.branched:
                session.checkpoints.protect(session.checkpoint.name)
            log.info("Resumed %s from %s at step %d.", self.name, session.checkpoint.name, self.step)
        elif session.evaluates:
            self.progress.step, self.progress.epoch = session.reached
        pending = {request.id for request in self.requests.waiting}
        self.requests.mark_seen(set(session.answered) - pending)
        self.points.replay(session.replay)
        self.wiring.open_inbox()
        self.open_mail()

    def _begin(self) -> None:
        """Training starts, or goes on: the last moment at which generators are put back."""
        if self._finished:
            raise RunStateError("This run's training is over; make another Run for another training.")
        if self._begun:
            return
        self._begun = True
        self.progress.start_clock()
        self.dispatcher.emit(Event.TRAIN_START)
        checkpoint = self._session.checkpoint if self._session is not None else None
        if checkpoint is not None:
            self.host_port.restore_generators(checkpoint)
        self.record("train_start", {"step": self.step, "epoch": self.epoch, "attempt": self.attempt})
        self.settle()

    # ---- saving --------------------------------------------------------------------------------------------------

    def save_now(
        self, *, tags: Sequence[str], pins: Sequence[str] = (), files: Sequence[str] = (), weights_only: bool = False
    ) -> Exception | None:
        """Commit a checkpoint of this moment; return what went wrong instead of raising it.

        A full disk is no reason to end a training.
        """
        progress, start = self.progress, perf_counter_ns()
        self.publish_waiting()
        state = self._held or saving.capture(self, self.points)
        points = {name: point for name in self.metrics if (point := self.metrics.point(name)) is not None}
        parent = self._session.checkpoint if self._session is not None else None
        self.wiring.store.flush()
        try:
            checkpoint = self.checkpoints.save(
                saving.weights(self, state) if weights_only else saving.contents(self, state),
                step=progress.step,
                epoch=progress.epoch if progress.phase != "fresh" else max(0, progress.epoch - 1),
                tags=tags,
                pins=pins,
                metrics={name: MetricRecord(point.value, point.step, point.epoch) for name, point in points.items()},
                weights=self.validated_with,
                parent=parent.name if parent is not None else None,
                standalone=saving.weight_files(self, state, files),
            )
        except (CheckpointError, OSError) as failure:
            log.exception("A checkpoint could not be saved; training goes on and the save is tried again.")
            self.raise_alert(Alert("A checkpoint could not be saved", culprit(failure), "error", "run"))
            return failure
        finally:
            spent = perf_counter_ns() - start
            self._save_cost.add(spent)
            self.save_seconds = spent / 1e9
        if not weights_only:
            self._saved_at = self._position()
        self.record("checkpoint", {"name": checkpoint.name, "tags": list(tags)})
        self.dispatcher.emit(Event.CHECKPOINT, checkpoint)
        return None

    def owe(self, saves: Sequence[Request]) -> None:
        """Remember saves that failed: they are tried again at the end of the epoch."""
        self._owed.extend(saves)

    def _end_epoch(self) -> None:
        for request in self._owed:
            again = f"again, after a failure: {request.reason.removeprefix('again, after a failure: ')}"
            # What was the best then is gone: this is a checkpoint of now.
            tag = "periodic" if request.arguments["tag"] == "best" else request.arguments["tag"]
            self.save(**{**request.arguments, "tag": tag, "reason": again})
        self._owed = []
        super()._end_epoch()

    def _position(self) -> tuple[int, int, str]:
        boundary = self.progress.phase in ("fresh", "done")
        return self.progress.step, self.progress.epochs_done, "boundary" if boundary else self.progress.phase

    def restore_now(self, key: str, *, weights_only: bool) -> None:
        """Put a checkpoint of this run back into the model, and unless `weights_only` into the optimizer."""
        saving.put_back(self, self.checkpoints.find(key), weights_only=weights_only)

    def trials(self) -> AbstractContextManager[Trials]:
        """Try training steps, and take them back; see `lineside.trials.TrialsView.trials`."""
        return trying.trials(self)

    def record_request(self, request: Request, outcome: Outcome) -> None:
        """Write down what became of a request."""
        self.wiring.record_request(request, outcome)
        log.info("%s by %s (%s): %s", request.kind.word, request.author, request.reason, outcome)

    def raise_refusal(self, request: Request, refusal: Exception) -> None:
        """Tell people that something they, or a callback, asked for was refused."""
        self.raise_alert(Alert(f"{request.kind.word} was refused", str(refusal), "warning", request.author))

    def request(self, request: Request) -> None:
        """Put a request where the next safe point finds it; from any thread. A validation looks out for interrupts."""
        if request.kind is Kind.INTERRUPT and (request.origin == "signal" or not self._finished):
            number = request.arguments.get("signal")
            self.interrupting = Interrupted(None if number is None else signal.Signals(number), request.reason)
        super().request(request)

    def _interrupt(self, received: signal.Signals) -> None:
        self.request(Request(Kind.INTERRUPT, received.name, "signal", "signal", {"signal": int(received)}))

    def interrupt_now(self) -> NoReturn:
        """Save, and end the process; the run can be resumed.

        Raises:
            Interrupted: always.
        """
        leaving = self.interrupting or Interrupted(signal.SIGTERM)
        if self._begun and not self._finished:
            self.save_now(tags=["interrupt"])
        raise leaving

    # ---- the end -------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Training is over: a last checkpoint if the newest is not of this very moment, and the end hooks."""
        if self._finished:
            return
        self._finished = True
        self.progress.stop_clock()
        if self._saved_at != self._position():
            self.save_now(tags=["last"])
        self.record("train_end", {"reason": self.reason})
        self.dispatcher.emit(Event.TRAIN_END)
        self.settle()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the run: end hooks after a success, ``on_exception`` after an error; ``on_teardown`` always."""
        if error is None and self._begun and not self._finished:
            try:
                self._leave_epochs_early()
            except BaseException as late:
                self._leave(late)
                raise
        self._leave(error)

    def _leave_epochs_early(self) -> None:
        """The loop was left with `break`: end the epoch and the training as a stop does."""
        self.reason = self.reason or "the loop was left"
        if self.progress.phase != "fresh":
            self._end_epoch()
        self._finish()

    def _leave(self, error: BaseException | None) -> None:
        """Show the end, close everything, write down how it ended, and raise what nobody has raised yet."""
        self.progress.stop_clock()
        self.dispatcher.end()
        try:
            self.publish_waiting()
            self._show_end(error)
        finally:
            failure = ending.close(self, self._session, error)
        if failure is not error and failure is not None:
            raise failure
        if failure is None and self.interrupting is not None:
            raise self.interrupting

    def _show_end(self, error: BaseException | None) -> None:
        if error is None:
            self.points.refuse_rest()
        elif isinstance(error, Interrupted):
            self.reason = error.reason
        else:
            self.reason = self.reason or culprit(error)
            self.record("exception", {"error": culprit(error), "traceback": traceback_of(error)})
            self._emit_last(Event.EXCEPTION, error)
        self.summary = table(self.costs())
        self.wiring.await_figures()
        self._emit_last(Event.TEARDOWN)

    def costs(self) -> list[CallbackCost]:
        """Return what the callbacks cost, and behind them what saving did, which no hook is charged with."""
        wall = self.progress.wall
        costs = self.dispatcher.costs(wall)
        if self._save_cost.calls:
            costs.append(summarize("checkpoints", "saves", [self._save_cost], wall))
        return costs

    def _emit_last(self, event: Event, payload: Any = None) -> None:
        """Show one of the last events; alerts that are raised in ``on_teardown`` are recorded and no more."""
        try:
            self.open_mail()
            self._torn_down = event is Event.TEARDOWN
            self.dispatcher.emit(event, payload)
            self.open_mail()
        except Exception:
            log.exception("%s could not be shown.", event.hook)
