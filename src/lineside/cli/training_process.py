"""A training in a process of its own: started, watched through what it leaves on the disk, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from lineside.checkpoints.catalog import Catalog
from lineside.cli.outcome import Outcome
from lineside.cli.position import Position
from lineside.errors import CheckpointError, TrainingFailed
from lineside.store.catalogue import find_runs
from lineside.store.directory import RunDirectory

MODULE: Final = "lineside.cli.digits"
"""What such a process runs."""

POLL: Final = 0.02
"""Seconds between two looks at the run's directory."""

PATIENCE: Final = 30.0
"""Seconds that a process gets to save and end after a signal."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a process is to train.

    Attributes:
        run_dir: where runs lie.
        project: of the run.
        name: of the run.
        epochs: how many there are at most.
    """

    run_dir: Path
    project: str
    name: str
    epochs: int


class TrainingProcess:
    """A process that trains. As a context manager it never leaves the process behind.

    Args:
        plan: what is to be trained.
        scratch: a directory for the outcome and, if quiet, for what the process prints.
        resume: whether to go on with a run that was killed.
        quiet: print nothing in the terminal.
    """

    def __init__(self, plan: Plan, scratch: Path, *, resume: bool = False, quiet: bool = False) -> None:
        self._plan = plan
        self._outcome = scratch / f"{plan.name}.json"
        self._log = scratch / f"{plan.name}.log"
        arguments = [str(plan.run_dir), plan.project, plan.name, str(plan.epochs), str(self._outcome)]
        with ExitStack() as files:
            output = files.enter_context(self._log.open("wb")) if quiet else None
            # In a group of its own: it is killed with its workers, and hears of Ctrl-C from this process alone.
            self._process = subprocess.Popen(  # noqa: S603 - a module of our own
                [sys.executable, "-m", MODULE, *arguments, *(["--resume"] if resume else [])],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.ended():
            self._process.terminate()
            if not self.ended(within=PATIENCE):
                self._kill()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def ended(self, within: float = 0.0) -> bool:
        """Tell whether the process is over, or is so within some seconds."""
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _kill(self) -> None:
        os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def run(self) -> RunDirectory | None:
        """Return the directory of the run that this process writes, as soon as there is one."""
        runs = find_runs(self._plan.run_dir, self._plan.project, self._plan.name)
        return next((run for run in runs if run.read_record().pid == self.pid), None)

    def kill_in_epoch(self, epoch: int) -> RunDirectory | None:
        """Kill it and its workers with SIGKILL as soon as a checkpoint lies early in this epoch, or in a later one.

        Returns:
            The directory of the run, or None if the training ended before.

        Raises:
            TrainingFailed: it ended with an error.
        """
        run: RunDirectory | None = None
        while not self.ended(within=POLL):
            run = run or self.run()
            if run is not None and _was_saved_early_in(run, epoch):
                self._kill()
                return run
        self.outcome()
        return None

    def outcome(self) -> Outcome:
        """Wait for the end, and return what came out.

        Raises:
            TrainingFailed: the process ended with an error, or without an outcome.
        """
        code = self._process.wait()
        if code != 0 or not self._outcome.exists():
            raise TrainingFailed(code, self._log.read_text("utf-8", "replace") if self._log.exists() else "")
        return Outcome.read(self._outcome)


def _was_saved_early_in(run: RunDirectory, epoch: int) -> bool:
    last = Catalog(run.checkpoints, run.name).last
    if last is None or last.epoch < epoch:
        return False
    try:
        return Position.of(last).early_in_epoch
    except CheckpointError:  # removed since it was listed
        return False
