"""`lineside follow`: what happens in a run, while it happens, until it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from lineside.cli.arguments import RUN_DIR, json_option, run_argument, run_dir_option
from lineside.cli.exit_codes import ExitCode
from lineside.language import text

INTERVAL: Final = 0.5
"""Seconds between two looks."""


def follow(
    run: Annotated[str, run_argument()],
    lines: Annotated[
        int,
        typer.Option(
            "--lines", "-n", min=0, help=text("How much of what happened to show first.", "先显示多少条已有记录。")
        ),
    ] = 10,
    run_dir: Annotated[Path, run_dir_option()] = RUN_DIR,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Follow a run.

    Raises:
        RunNotFound, RunAmbiguous: the name does not stand for one run.
        StoreError: a file of the run is damaged.
        Exit: with `ExitCode.FAILED` where the run did not come to its end; `ExitCode.INTERRUPTED` after Ctrl-C.
    """
    import time

    from lineside.cli.chosen_run import chosen_run
    from lineside.cli.follower import JsonDisplay, LineDisplay, LiveDisplay, watch
    from lineside.cli.terminal import console

    chosen, out = chosen_run(run_dir, run), console()
    if as_json:
        display: JsonDisplay | LineDisplay | LiveDisplay = JsonDisplay()
    else:
        display = LiveDisplay(out, chosen) if out.is_terminal and not out.is_dumb_terminal else LineDisplay(out)
    try:
        standing = watch(chosen, display, lambda: time.sleep(INTERVAL), lines)
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    finally:
        display.close()
    if standing.died:
        raise typer.Exit(ExitCode.FAILED)
