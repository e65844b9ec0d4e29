"""Arguments and options that several commands share; they are made anew each time, in the language of the moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer

from lineside.language import text

RUN_DIR: Final = Path("runs")


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
    """Yield the runs whose names contain what was typed so far, for the completion of shells; the newest first."""
    from lineside.store.catalogue import find_runs

    for run in find_runs(ctx.params.get("run_dir") or RUN_DIR):
        if incomplete in run.name and run.name.isprintable():
            yield run.name, run.project
