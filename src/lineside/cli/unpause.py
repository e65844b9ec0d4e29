"""`lineside unpause`: let a paused run go on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from lineside.cli.arguments import RUN_DIR, json_option, run_argument, run_dir_option
from lineside.cli.steering import TIMEOUT, reason_option, steer, timeout_option, wait_option


def unpause(
    run: Annotated[str, run_argument()],
    reason: Annotated[str, reason_option()] = "",
    wait: Annotated[bool, wait_option()] = True,
    timeout: Annotated[float, timeout_option()] = TIMEOUT,
    run_dir: Annotated[Path, run_dir_option()] = RUN_DIR,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Ask for it; see `steer` for what it raises."""
    steer(run, "unpause", {}, reason=reason, wait=wait, timeout=timeout, run_dir=run_dir, as_json=as_json)
