"""The process that supervises: ``lineside run`` and ``lineside watch`` become it, under their own process number."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from lineside.supervisor.couriers import Couriers
from lineside.supervisor.settings import Settings
from lineside.supervisor.signals import Signals
from lineside.supervisor.supervise import Supervisor
from lineside.supervisor.terminal import Terminal


def say(line: str) -> None:
    """Print a line for whoever sits at the terminal; control characters of others as they are written."""
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)
    print(f"lineside: {shown}", file=sys.stderr, flush=True)  # noqa: T201 - a terminal program


def main() -> int:
    """Supervise what the environment says; return the exit code."""
    settings = Settings.taken_from()
    with (
        Signals() as signals,
        closing(Terminal()) as terminal,
        TemporaryDirectory(prefix="lineside-") as scratch,
        closing(Couriers(settings, Path(scratch), say)) as couriers,
    ):
        return Supervisor(settings, couriers, signals, terminal, Path(scratch), say).supervise()


if __name__ == "__main__":
    sys.exit(main())
