"""`lineside watch`: a supervisor for a run that somebody else has started."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lineside.cli.arguments import RUN_DIR, run_argument, run_dir_option
from lineside.cli.supervising import (
    DISK_BELOW,
    SILENT_AFTER,
    STALLED_AFTER,
    addresses,
    alert_option,
    become_supervisor,
    disk_option,
    limits,
    restarts_option,
    silent_option,
    stalled_option,
)
from lineside.errors import OptionError
from lineside.language import text
from lineside.supervisor.settings import Settings


def watch(
    run: Annotated[str, run_argument()],
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="-- COMMAND",
            help=text("What to start if it dies, with --restarts.", "终止后要启动的命令。"),
            show_default=False,
        ),
    ] = None,
    restarts: Annotated[int, restarts_option()] = 0,
    alert: Annotated[list[str] | None, alert_option()] = None,
    stalled_after: Annotated[str, stalled_option()] = STALLED_AFTER,
    silent_after: Annotated[str, silent_option()] = SILENT_AFTER,
    disk_below: Annotated[float, disk_option()] = DISK_BELOW,
    run_dir: Annotated[Path, run_dir_option()] = RUN_DIR,
) -> None:
    """Become the watcher of a run.

    Raises:
        DestinationUnresolved: a variable or a file with an address is missing.
        OptionError: an option is not allowed; restarts without a command.
        RunNotFound, RunAmbiguous: no run, or several, have that name.
    """
    from lineside.cli.chosen_run import chosen_run

    if restarts and not command:
        raise OptionError("--restarts needs the command that is started again: lineside watch RUN --restarts 3 -- …")
    settings = Settings(
        command=tuple(command or ()),
        run=str(chosen_run(run_dir, run).path),
        restarts=restarts,
        alerts=addresses(alert),
        run_dir=str(run_dir),
        **limits(stalled_after, silent_after, disk_below),
    )
    become_supervisor(settings, "watch")
