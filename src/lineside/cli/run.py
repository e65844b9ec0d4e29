"""`lineside run`: a command under a supervisor, which tells of its death and starts it again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lineside.cli.arguments import RUN_DIR, run_dir_option
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
from lineside.language import text
from lineside.supervisor.settings import Settings


def run(
    command: Annotated[
        list[str],
        typer.Argument(
            metavar="COMMAND",
            help=text("What to start: python train.py …", "命令：python train.py …"),
            show_default=False,
        ),
    ],
    restarts: Annotated[int, restarts_option()] = 0,
    alert: Annotated[list[str] | None, alert_option()] = None,
    stalled_after: Annotated[str, stalled_option()] = STALLED_AFTER,
    end_stalled: Annotated[
        bool,
        typer.Option("--end-stalled", help=text("End one that stalls, as if it had died.", "终止停滞的训练。")),
    ] = False,
    silent_after: Annotated[str, silent_option()] = SILENT_AFTER,
    disk_below: Annotated[float, disk_option()] = DISK_BELOW,
    run_dir: Annotated[Path, run_dir_option()] = RUN_DIR,
) -> None:
    """Become the supervisor of a command.

    Raises:
        DestinationUnresolved: a variable or a file with an address is missing.
        OptionError: an option is not allowed.
    """
    settings = Settings(
        command=tuple(command),
        restarts=restarts,
        alerts=addresses(alert),
        end_stalled=end_stalled,
        run_dir=str(run_dir),
        **limits(stalled_after, silent_after, disk_below),
    )
    become_supervisor(settings, "run")
