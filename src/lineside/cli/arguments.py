"""Arguments and options that several commands share; they are made anew each time, in the language of the moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from lineside.language import text

if TYPE_CHECKING:
    from lineside.store.directory import RunDirectory

RUN_DIR: Final = Path("runs")
_NEWEST: Final = "last"


def run_argument() -> Any:
    """Return the argument RUN."""
    return typer.Argument(
        metavar="RUN",
        help=text(
            "A run: its name or a part of it, its directory, or 'last'.",
            "训练：名称（的一部分）、目录，或 last。",
        ),
        autocompletion=known_runs,
        show_default=False,
    )


def run_dir_option() -> Any:
    """Return the option ``--run-dir``."""
    return typer.Option("--run-dir", help=text("Where the runs lie.", "训练记录所在的目录。"), file_okay=False)


def json_option() -> Any:
    """Return the option ``--json``."""
    return typer.Option("--json", help=text("Print JSON instead of text.", "输出 JSON。"))


def config_argument() -> Any:
    """Return the argument CONFIG."""
    return typer.Argument(
        metavar="CONFIG",
        help=text("A file in YAML or TOML.", "YAML 或 TOML 文件。"),
        show_default=False,
    )


def overrides_argument() -> Any:
    """Return the arguments that set values of a configuration."""
    return typer.Argument(
        metavar="KEY=VALUE",
        help=text(
            "Values to set, such as optimizer.lr=0.1 or callbacks.EarlyStopping.patience=10.",
            "要设置的值，例如 optimizer.lr=0.1 或 callbacks.EarlyStopping.patience=10。",
        ),
        show_default=False,
    )


def known_runs(ctx: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Yield what stands for a run and contains what was typed so far, for the completion of shells; the newest first.

    That is ``last`` and ids of runs; ``project/last`` and ``project/id`` where the text begins the name of a project,
    or has a slash.
    """
    from lineside.store.catalogue import find_runs

    project, slash, part = incomplete.rpartition("/")
    found = find_runs(ctx.params.get("run_dir") or RUN_DIR)
    runs = [run for run in found if f"{run.project}/{run.name}".isprintable()]
    if not slash:
        yield from _fitting(runs, part)
    for each in dict.fromkeys(run.project for run in runs):
        if each == project if slash else part and each.startswith(part):
            yield from _fitting([run for run in runs if run.project == each], part if slash else "", f"{each}/")


def _fitting(runs: Sequence[RunDirectory], part: str, before: str = "") -> Iterator[tuple[str, str]]:
    """Yield the newest of some runs and all of them, as far as they fit what was typed of a name."""
    if runs and _NEWEST.startswith(part):
        yield f"{before}{_NEWEST}", runs[0].name
    for run in runs:
        if part in run.name:
            yield f"{before}{run.name}", run.project
