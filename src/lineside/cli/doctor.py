"""`lineside doctor`: what is installed, what is missing, and what will hurt here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lineside.cli.arguments import RUN_DIR, json_option, known_runs, run_dir_option
from lineside.cli.exit_codes import ExitCode
from lineside.language import text

if TYPE_CHECKING:
    from rich.console import Console

    from lineside.advice import Facts
    from lineside.cli.checkup.finding import Finding


def doctor(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN",
            help=text("A run to give advice on as well.", "同时为该训练提出建议。"),
            autocompletion=known_runs,
            show_default=False,
        ),
    ] = None,
    run_dir: Annotated[Path, run_dir_option()] = RUN_DIR,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Look at everything.

    Raises:
        RunNotFound, RunAmbiguous: the name does not stand for one run.
        StoreError: the run's records cannot be read.
        Exit: with `ExitCode.FAILED` where something will hurt every training.
    """
    from dataclasses import asdict

    from lineside.cli.terminal import console, print_json

    findings = list(_findings(run, run_dir))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        _draw(console(), findings)
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(ExitCode.FAILED)


def _findings(run: str | None, run_dir: Path) -> Iterator[Finding]:
    from lineside.advice import machine_facts, recorded_facts
    from lineside.cli.checkup.deliveries import check_deliveries
    from lineside.cli.checkup.installed import check_installed
    from lineside.cli.checkup.machine import check_machine
    from lineside.cli.checkup.place import check_place
    from lineside.cli.chosen_run import chosen_run

    yield from check_installed()
    yield from check_machine()
    yield from check_place(run_dir)
    yield from _advice(machine_facts(run_dir))
    if run is not None:
        directory = chosen_run(run_dir, run).path
        yield from _advice(recorded_facts(directory))
        yield from check_deliveries(directory)


def _advice(facts: Facts) -> Iterator[Finding]:
    from lineside.advice import advise
    from lineside.cli.checkup.finding import Finding

    for one in advise(facts):
        yield Finding(one.rule, one.level, one.text, source=one.source)


def _draw(out: Console, findings: Sequence[Finding]) -> None:
    from rich.table import Table
    from rich.text import Text

    from lineside.cli.terminal import printable

    marks = {
        "ok": ("✓", "green"),
        "missing": ("–", "dim"),
        "info": ("i", "cyan"),
        "warning": ("!", "yellow"),
        "error": ("✗", "red"),
    }
    if out.options.ascii_only:
        marks |= {"ok": ("+", "green"), "missing": ("-", "dim"), "error": ("x", "red")}
    rows = Table.grid(padding=(0, 1, 0, 0))
    rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold")
    for finding in findings:
        mark, style = marks[finding.level]
        sentence = Text(printable(finding.text))
        if finding.remedy:
            sentence.append(f"\n→ {finding.remedy}", "bold")
        if finding.source:
            sentence.append(f"\n{finding.source}", "dim")
        rows.add_row(Text(mark, style), sentence)
    out.print(rows)
