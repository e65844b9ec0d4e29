"""What a supervisor is told: read by the command line, handed to the small process that takes its place."""

from __future__ import annotations

import json
import os
from collections.abc import MutableMapping
from dataclasses import asdict, dataclass
from typing import Final, Self

from lineside.store.liveness import SILENT

VARIABLE: Final = "LINESIDE_SUPERVISOR"
"""Carries the settings to that process, and no further. Not its arguments, which everybody on the machine can read."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of `lineside run` and `lineside watch`.

    Attributes:
        command: what is started, and started again; empty for a watch that starts nothing.
        run: the directory of a run that somebody else started.
        restarts: how often the command is started again.
        alerts: addresses, besides those that the run itself left.
        stalled_after: seconds without a movement of the training thread.
        silent_after: seconds without a heartbeat of its process.
        disk_below: bytes left on the disk of the run, below which it is said to be full.
        end_stalled: whether a training that stalls is ended, so that it can be started again.
        run_dir: where the supervisor keeps what it has to send for a command in which there is no run.
    """

    command: tuple[str, ...] = ()
    run: str | None = None
    restarts: int = 0
    alerts: tuple[str, ...] = ()
    stalled_after: float = 600.0
    silent_after: float = SILENT
    disk_below: int = 10**9
    end_stalled: bool = False
    run_dir: str = "runs"

    def into(self, environment: MutableMapping[str, str]) -> None:
        """Put them into the variables of the process that is to read them."""
        environment[VARIABLE] = json.dumps(asdict(self))

    @classmethod
    def taken_from(cls, environment: MutableMapping[str, str] = os.environ) -> Self:
        """Read them, and leave nothing of them for children. Raises `KeyError` where there are none."""
        given = json.loads(environment.pop(VARIABLE))
        return cls(**given | {name: tuple(given[name]) for name in ("command", "alerts")})
