"""When the Slurm job of this process ends."""

from __future__ import annotations

import math
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from lineside.errors import SlurmUnknown

_PATIENCE: Final = 10.0
"""Seconds that a command of Slurm gets to answer; its controller may be busy."""

_LEFT: Final = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)")
_END: Final = re.compile(r"\bEndTime=(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)")


def job_end(environment: Mapping[str, str] | None = None, clock: Callable[[], float] = time.time) -> float | None:
    """Return the time at which the job ends, in seconds since 1970.

    ``SLURM_JOB_END_TIME`` tells it. Where an older Slurm does not set it, ``squeue`` is asked, and then ``scontrol``.

    Args:
        environment: the variables of the process; ``os.environ`` unless given.
        clock: seconds since 1970.

    Returns:
        The time; infinity for a job without a limit; None outside of a job.

    Raises:
        SlurmUnknown: this is a job, and nobody says when it ends.
    """
    variables = os.environ if environment is None else environment
    job = variables.get("SLURM_JOB_ID")
    if not job:
        return None
    given = variables.get("SLURM_JOB_END_TIME", "")
    if given.isdecimal() and int(given) > 0:
        return float(given)
    try:
        return _end_by_time_left(_answer("squeue", "--noheader", f"--jobs={job}", "--format=%L"), clock())
    except _NoAnswer as first:
        try:
            return _end_in_record(_answer("scontrol", "--oneliner", "show", "job", job))
        except _NoAnswer as second:
            raise SlurmUnknown(job, f"{first}; {second}") from None


class _NoAnswer(Exception):
    """A command of Slurm is not there, fails, hangs, or does not tell."""


def _answer(*command: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a command of Slurm, with the job's own number
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise _NoAnswer(f"{command[0]}: {failure}") from None
    if done.returncode != 0:
        raise _NoAnswer(f"{command[0]}: {done.stderr.strip()[:200] or f'exit code {done.returncode}'}")
    return done.stdout.strip()


def _end_by_time_left(answer: str, now: float) -> float:
    """Read ``1-02:03:04``, ``02:03:04``, ``03:04`` or ``UNLIMITED``."""
    if answer == "UNLIMITED":
        return math.inf
    match = _LEFT.fullmatch(answer)
    if match is None:
        raise _NoAnswer(f"squeue: the time left is {answer[:100]!r}")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return now + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()


def _end_in_record(answer: str) -> float:
    """Read the local time in ``… EndTime=2026-11-22T10:00:00 …``."""
    match = _END.search(answer)
    if match is None:
        raise _NoAnswer("scontrol: the job's record has no EndTime")
    return datetime.fromisoformat(match[1]).timestamp()
