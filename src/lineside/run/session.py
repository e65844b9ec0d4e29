"""Opening a run's directory: a new run, a resumed one, or one that branches from a checkpoint of another."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from lineside.checkpoints.checkpoint import Checkpoint
from lineside.checkpoints.writer import CheckpointStore
from lineside.control import Request
from lineside.errors import NoRecords, NothingToResume, OptionError
from lineside.files import is_network_filesystem
from lineside.run.saving import STATE
from lineside.store.catalogue import is_resumable, newest_resumable, resolve_run
from lineside.store.directory import RunDirectory
from lineside.store.environment import environment, git_state
from lineside.store.handover import Handover, Opened, resumes_by_itself
from lineside.store.plain import plain
from lineside.store.reader import RunReader
from lineside.store.run_record import RunRecord, Status
from lineside.store.writer import StoreWriter

log = logging.getLogger("lineside")


@dataclass(frozen=True, slots=True)
class Place:
    """Where runs lie and what this one is called."""

    run_dir: Path
    project: str
    name: str | None


class Session:
    """An open run directory, locked for this process.

    Attributes:
        checkpoint: from which this attempt goes on; None where it begins from nothing.
        branched: the checkpoint belongs to another run.
        answered: requests that earlier attempts have answered; they are not applied a second time.
        replay: requests that an earlier attempt applied after the checkpoint, with their steps.
    """

    def __init__(self, directory: RunDirectory, record: RunRecord) -> None:
        self.directory = directory
        self.record = record
        self.checkpoint: Checkpoint | None = None
        self.branched = False
        self.answered: list[str] = []
        self.replay: list[tuple[int, Request]] = []
        self._final: tuple[Status, str | None] | None = None
        self.checkpoints = CheckpointStore(directory.checkpoints, record.id)
        if is_network_filesystem(directory.path):
            log.warning("%s is on a network filesystem, where locks may not keep other machines out.", directory.path)

    @classmethod
    def open(
        cls,
        place: Place,
        *,
        resume: str | Path | None,
        start_from: str | Path | None,
        continue_stopped: bool,
        seed: int | None,
        hparams: Mapping[str, Any],
        in_epoch: bool = True,
    ) -> Session:
        """Open or create the directory, and become its one writer.

        With `in_epoch` false an epoch cannot be entered in its middle, and a checkpoint of an epoch's end is preferred.

        Raises:
            NothingToResume: `resume` names a run that cannot be resumed, or it is given together with `start_from`.
            RunDirectoryBusy: another process writes the run.
        """
        if resume is not None and start_from is not None:
            raise NothingToResume("resume= goes on with a run, start_from= begins a new one: give one of them.")
        directory = cls._to_resume(place, resume, continue_stopped=continue_stopped)
        if directory is None:
            session = cls._create(place, start_from, seed, hparams)
        else:
            directory.lock()
            try:
                session = cls._resume(directory, seed, hparams, in_epoch=in_epoch)
            except BaseException:
                directory.unlock()
                raise
        session.announce()
        return session

    @classmethod
    def _resume(
        cls, directory: RunDirectory, seed: int | None, hparams: Mapping[str, Any], *, in_epoch: bool
    ) -> Session:
        record = directory.read_record()
        session = cls(directory, replace(record, attempt=record.attempt + 1, pulse={}, reason=None))
        session.checkpoints.sweep()
        session._find_checkpoint(in_epoch=in_epoch)
        session._find_requests()
        if seed != record.seed:
            log.warning("The run began with seed=%s and resumes with seed=%s: not exactly.", record.seed, seed)
        if hparams and plain(hparams) != dict(record.hparams):
            log.warning("The run resumes with other hyper-parameters than it began with; those given now are recorded.")
            session.record = replace(session.record, hparams=dict(hparams))
        session._write("running")
        return session

    @classmethod
    def _create(
        cls, place: Place, start_from: str | Path | None, seed: int | None, hparams: Mapping[str, Any]
    ) -> Session:
        parent = Checkpoint.open(start_from) if start_from is not None else None
        now = datetime.now().astimezone()
        directory = RunDirectory.create(place.run_dir, place.project, place.name, now)
        directory.lock()
        record = RunRecord(
            id=directory.name,
            project=place.project,
            name=place.name or "run",
            status="running",
            created=now.timestamp(),
            updated=now.timestamp(),
            environment=environment(),
            git=git_state(Path.cwd()),
            seed=seed,
            hparams=dict(hparams),
            parent=str(parent.path) if parent is not None else None,
        )
        session = cls(directory, record)
        session.checkpoint, session.branched = parent, parent is not None
        session._write("running")
        return session

    @classmethod
    def for_evaluation(cls, place: Place, directory: Path | None) -> Session:
        """Open a run that is over, or a new one, for a validation, test or prediction outside of training.

        It counts as an attempt that goes on from the end of the run and changes nothing of how the run ended.
        """
        if directory is None:
            return cls._create(place, None, None, {})
        opened = RunDirectory.open(directory)
        opened.lock()
        try:
            record = opened.read_record()
            session = cls(opened, replace(record, attempt=record.attempt + 1))
        except BaseException:
            opened.unlock()
            raise
        session._final = record.status, record.reason
        return session

    @staticmethod
    def _to_resume(place: Place, resume: str | Path | None, *, continue_stopped: bool) -> RunDirectory | None:
        if resume is None:
            resume = _handed_over(place)
        if resume is None:
            return None
        if not isinstance(resume, (str, Path)):
            raise OptionError(f"resume={resume!r}: use 'auto', the name or directory of a run, or None for a new one.")
        if resume == "auto":
            return newest_resumable(place.run_dir, place.project, place.name)
        directory = resolve_run(place.run_dir, str(resume))
        if directory.status() == "stopped" and not continue_stopped:
            raise NothingToResume(
                f"The run {directory.name} was stopped ({directory.read_record().reason}), and a stop is final. "
                "To go on all the same, pass continue_stopped=True."
            )
        return directory

    def announce(self) -> None:
        """Tell a supervisor, where there is one, which run this process has opened."""
        handover = Handover.of_this_process()
        if handover is None:
            return
        try:
            handover.add(Opened(str(self.directory.path), self.record.project, self.record.name))
        except OSError as error:
            log.warning("The supervisor could not be told of this run, and cannot watch it: %s.", error)

    def _find_checkpoint(self, *, in_epoch: bool) -> None:
        def name_damage(damage: Exception) -> None:
            log.warning("%s", damage)

        newest = self.checkpoints.newest_sound(on_damage=name_damage, containing=[STATE])
        at_end = newest
        while not in_epoch and at_end is not None and not _at_end_of_epoch(at_end):
            at_end = self.checkpoints.newest_sound(before_step=at_end.step, containing=[STATE])
        self.checkpoint = at_end or newest
        if self.checkpoint is None:
            log.warning("The run %s left no checkpoint to resume from: it begins anew.", self.directory.name)

    def _find_requests(self) -> None:
        step, known = -1, set[str]()
        if self.checkpoint is not None:
            document = self.checkpoint.document(STATE)
            step, known = self.checkpoint.step, {*document["answered"], *(one["id"] for one in document["pending"])}
        try:
            with RunReader.open(self.directory.database) as reader:
                self.answered = [entry.request.id for entry in reader.requests(attempts="all") if entry.outcome]
                # One that was applied at the very step of the checkpoint, but behind it, is not known to it.
                self.replay = [
                    (entry.outcome.step, entry.request)
                    for entry in reader.requests_applied_after(step - 1)
                    if entry.request.replayed and entry.outcome is not None and entry.request.id not in known
                ]
        except NoRecords:
            return
        replayed = {request.id for _, request in self.replay}
        self.answered = [answered for answered in self.answered if answered not in replayed]

    @property
    def resumed_step(self) -> int | None:
        """Step of the checkpoint that this attempt goes on from; None where it begins from nothing."""
        return self.checkpoint.step if self.checkpoint is not None else None

    @property
    def evaluates(self) -> bool:
        """Whether this attempt only evaluates a run that is over."""
        return self._final is not None

    @property
    def reached(self) -> tuple[int, int]:
        """The step and the epoch, from 0, that a run has reached which is to be evaluated."""
        step, epoch = (self.record.progress.get(key) or 0 for key in ("step", "epoch"))
        # Of one that has come to its end the record counts the epochs that are over.
        return step, max(0, epoch - 1) if self._final and self._final[0] in ("completed", "stopped") else epoch

    def open_store(self) -> StoreWriter:
        """Return the writer of the run's records, with this attempt begun."""
        writer = StoreWriter(self.directory.database, self.record.attempt, time.time)
        resumed_time = None
        step = self.resumed_step if not self.branched else None
        if self._final is not None:
            step = self.record.progress.get("step")
        elif self.checkpoint is not None and not self.branched:
            resumed_time = datetime.fromisoformat(self.checkpoint.manifest.created).timestamp()
        writer.begin_attempt(self.record.attempt, step, time.time(), resumed_time)
        return writer

    def _write(self, status: Status, **changes: Any) -> None:
        self.record = replace(
            self.record, status=status, updated=time.time(), host=socket.gethostname(), pid=os.getpid(), **changes
        )
        self.directory.write_record(self.record)

    def report(self, progress: Mapping[str, int | None], pulse: Mapping[str, Any]) -> None:
        """Write how far the run is, and what its training thread does."""
        self._write("running", progress=dict(progress), pulse=dict(pulse))

    def end(self, status: Status, reason: str | None, progress: Mapping[str, int | None]) -> None:
        """Write how the run ended."""
        if self._final is None:
            self._write(status, reason=reason, progress=dict(progress))
        else:
            self._write(self._final[0], reason=self._final[1])

    def close(self, status: Status, reason: str | None, progress: Mapping[str, int | None]) -> None:
        """Write how the run ended, and let others write."""
        try:
            self.end(status, reason, progress)
        finally:
            self.directory.unlock()


def _handed_over(place: Place) -> Path | str | None:
    """Return what ``resume=None`` means: nothing, unless this command was started again after a death."""
    handover = Handover.of_this_process()
    if handover is None:
        return "auto" if resumes_by_itself() else None
    earlier = handover.earlier(place.project, place.name or "run")
    # One that came to its end is not gone on with: the script trains it anew, as it does without a supervisor.
    return earlier if earlier is not None and is_resumable(RunDirectory(earlier)) else None


def _at_end_of_epoch(checkpoint: Checkpoint) -> bool:
    return checkpoint.document(STATE)["progress"]["phase"] in ("fresh", "done")


def checkpoint_to_resume(
    place: Place, resume: str | Path | None, *, continue_stopped: bool = False, containing: Sequence[str] = ()
) -> Checkpoint | None:
    """Return the checkpoint from which a run would go on, without opening it; None where it begins from nothing.

    Args:
        place: where runs lie.
        resume: as for `Run`.
        continue_stopped: as for `Run`.
        containing: files that the checkpoint must hold, for a framework that loads them by itself.

    Raises:
        NothingToResume: `resume` names a run that cannot be resumed.
    """
    directory = Session._to_resume(place, resume, continue_stopped=continue_stopped)  # noqa: SLF001 - its own module
    if directory is None:
        return None
    store = CheckpointStore(directory.checkpoints, directory.read_record().id)
    return store.newest_sound(containing=[STATE, *containing])
