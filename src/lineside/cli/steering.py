"""What the commands share that ask something of a run: their options, and how the answer is shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from lineside.cli.exit_codes import ExitCode
from lineside.language import text

if TYPE_CHECKING:
    from lineside.cli.asking import Answer
    from lineside.store.directory import RunDirectory

TIMEOUT: Final = 60.0


def reason_option() -> Any:
    """Return the option ``--reason``."""
    return typer.Option("--reason", "-r", help=text("Why: people will read it.", "原因：会写进记录。"))


def wait_option() -> Any:
    """Return the options ``--wait`` and ``--no-wait``."""
    return typer.Option("--wait/--no-wait", help=text("Wait for the answer.", "等待答复。"))


def timeout_option() -> Any:
    """Return the option ``--timeout``."""
    return typer.Option("--timeout", min=0.0, help=text("Seconds to wait for it.", "最多等待多少秒。"))


def steer(
    name: str,
    kind: str,
    arguments: Mapping[str, Any],
    *,
    reason: str,
    wait: bool,
    timeout: float,
    run_dir: Path,
    as_json: bool,
) -> None:
    """Ask something of a run and show what became of it.

    Raises:
        RunNotFound, RunAmbiguous: the name does not stand for one run.
        OptionError: an argument is not allowed.
        RequestRefused: the inbox cannot be written to.
        Exit: with `ExitCode.REFUSED` or `ExitCode.UNANSWERED`, or with `ExitCode.INTERRUPTED` after Ctrl-C.
    """
    from lineside.cli.asking import answer, ask
    from lineside.cli.chosen_run import chosen_run

    run = chosen_run(run_dir, name)
    given = ask(run, kind, arguments, reason)
    if wait and given.verdict == "asked" and given.request is not None:
        try:
            given = answer(run, given.request, timeout)
        except KeyboardInterrupt:
            _show(run, kind, arguments, given, as_json=as_json)
            raise typer.Exit(ExitCode.INTERRUPTED) from None
    _show(run, kind, arguments, given, as_json=as_json)
    if given.verdict in ("refused", "over"):
        raise typer.Exit(ExitCode.REFUSED)
    if given.verdict == "unanswered":
        raise typer.Exit(ExitCode.UNANSWERED)


def _show(run: RunDirectory, kind: str, arguments: Mapping[str, Any], given: Answer, *, as_json: bool) -> None:
    from dataclasses import asdict

    from lineside.cli.terminal import print_json, printable

    if as_json:
        print_json({"run": run.name, "kind": kind, "arguments": arguments} | asdict(given))
    else:
        print(f"{printable(run.name)}: {kind}: {given.sentence}")
