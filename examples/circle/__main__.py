"""``python -m examples.circle``: the loop that a company would have, with real servers on loopback."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table
from rich.text import Text

from examples.circle.story import Told, play

STYLES = {"WeCom": "green", "mail": "cyan", "webhook": "magenta", "kill -9": "bold red", "terminal": "bold"}


def tell(told: Told, console: Console) -> None:
    """Print what happened where, and what that proves."""
    console.rule("[bold]What happened, and what arrived where", style="cyan")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(justify="right", style="dim")
    table.add_column()
    table.add_column(overflow="fold")
    for line in told.lines:
        style = STYLES.get(line.where, "")
        table.add_row(f"{line.time - told.began:5.1f} s", Text(line.where, style), Text(line.what, style))
    console.print(table)
    console.rule("[bold]What it proves", style="cyan")
    for check in told.checks:
        console.print(Text("✓ " if check.holds else "✗ ", "green" if check.holds else "bold red"), end="")
        console.print(Text(check.claim).append(f"\n    {check.shown}", "dim"))


def main() -> int:
    """Tell the story; return 0 if everything in it was proven."""
    console = Console(highlight=False)
    console.print("A training under `lineside run`; a robot of WeCom's, a mail server and a webhook on loopback …")
    began = time.monotonic()
    with TemporaryDirectory(prefix="lineside-circle-") as directory:
        told = play(Path(directory))
    tell(told, console)
    words = "The circle is closed" if told.proven else "The circle is NOT closed"
    console.print(Text(f"\n{words}, in {time.monotonic() - began:.0f} s.", "bold green" if told.proven else "bold red"))
    return 0 if told.proven else 1


if __name__ == "__main__":
    sys.exit(main())
