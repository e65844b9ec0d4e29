"""A run that other processes have trained, as they have left it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lineside.callback import Callback
from lineside.checkpoints.catalog import Catalog
from lineside.errors import CheckpointError
from lineside.run.saving import STATE
from lineside.store.directory import RunDirectory

log = logging.getLogger("lineside")


class EndedRun:
    """What is left of a training on several devices: read from its directory, and nothing can be asked of it.

    Args:
        path: the run's directory.

    Attributes:
        dir: the run's directory.
        name: the run's name.
        status: ``completed``, ``stopped``, ``interrupted``, ``failed``, or ``killed``.
        reason: why it ended, in words; None if it could not say so.
        attempt: 1 for the first go at the run.
        epoch: epochs that are over.
        step: optimizer steps.
        history: values of each epoch, by the name of the metric.
    """

    closed = True

    def __init__(self, path: Path) -> None:
        directory = RunDirectory.open(path)
        record = directory.read_record()
        self.dir = directory.path
        self.name = directory.name
        self.status = directory.status()
        self.reason = record.reason
        self.attempt = record.attempt
        self.epoch = record.progress.get("epoch") or 0
        self.step = record.progress.get("step") or 0
        state = _last_state(directory, record.id)
        self.history: Mapping[str, Sequence[float]] = state.get("history", {})
        self._states: Mapping[str, Any] = state.get("callbacks", {})

    def give_back(self, callbacks: Sequence[Callback | str]) -> None:
        """Give the state that callbacks had at the end to the objects that were left behind here.

        State in tensors stays in the checkpoint.
        """
        for callback in callbacks:
            if isinstance(callback, Callback) and callback.has_state and callback.name in self._states:
                try:
                    callback.load_state_dict(self._states[callback.name])
                except Exception:
                    log.exception(
                        "The state of callback %s could not be brought back from %s.", callback.name, self.dir
                    )


def _last_state(directory: RunDirectory, run_id: str) -> Mapping[str, Any]:
    try:
        newest = Catalog(directory.checkpoints, run_id).newest_sound(containing=[STATE])
    except (CheckpointError, OSError):
        log.exception("The checkpoints of %s cannot be read.", directory.path)
        return {}
    return {} if newest is None else newest.document(STATE)
