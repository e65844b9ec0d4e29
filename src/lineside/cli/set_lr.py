"""`lineside set-lr`: let a run train with another learning rate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lineside.cli.arguments import RUN_DIR, json_option, run_argument, run_dir_option
from lineside.cli.steering import TIMEOUT, reason_option, steer, timeout_option, wait_option
from lineside.language import text


def set_lr(
    run: Annotated[str, run_argument()],
    value: Annotated[float, typer.Argument(help=text("The learning rate.", "学习率。"), show_default=False)],
    group: Annotated[
        str | None,
        typer.Option(
            "--group",
            "-g",
            help=text("Name or number of a parameter group; all unless given.", "参数组；默认全部。"),
        ),
    ] = None,
    reason: Annotated[str, reason_option()] = "",
    wait: Annotated[bool, wait_option()] = True,
    timeout: Annotated[float, timeout_option()] = TIMEOUT,
    run_dir: Annotated[Path, run_dir_option()] = RUN_DIR,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Ask for it; see `steer` for what it raises."""
    which = int(group) if group is not None and group.isdecimal() else group
    arguments = {"value": value} if which is None else {"value": value, "group": which}
    steer(run, "set_lr", arguments, reason=reason, wait=wait, timeout=timeout, run_dir=run_dir, as_json=as_json)
