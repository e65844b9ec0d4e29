"""Whether the process of a run lives, as others can tell."""

from __future__ import annotations

import socket
from typing import Final

from lineside.store.directory import RunDirectory
from lineside.store.run_record import RunRecord

SILENT: Final = 60.0
"""Seconds without a heartbeat, which comes every five, after which a process is said to be silent."""


def is_dead(run: RunDirectory, record: RunRecord, silence: float) -> bool:
    """Tell whether a run says that it is running, and nobody runs it.

    Some network filesystems do not tell of locks that another machine holds; there the heartbeat counts.

    Args:
        run: where it lies.
        record: what `read_record` returned a moment ago.
        silence: seconds since its last heartbeat.
    """
    elsewhere = record.host not in ("", socket.gethostname())
    try:
        return run.status(record) == "killed" and not (elsewhere and silence <= SILENT)
    except OSError:
        return silence > SILENT
