"""Trying training steps, and taking them back by the same means by which a run resumes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lineside.errors import RunStateError
from lineside.run.undo import Undo
from lineside.trials import Trials

if TYPE_CHECKING:
    from lineside.run.run import Run


@contextmanager
def trials(run: Run) -> Iterator[Trials]:
    """Try steps of a run's host; see `lineside.trials.TrialsView.trials`."""
    if run.stage != "train" or run.batch_data is not None:
        raise RunStateError("run.trials() is for the time between batches: call it in on_train_start.")
    host, undo = run.host_port, Undo(run, run.dir / "trials")
    host.unwatch()
    try:
        with host.trials() as tried:
            yield tried
    finally:
        undo.restore()
        run.watch_host()
