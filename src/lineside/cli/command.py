"""One command of the program: known by a sentence, loaded when it is called."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer


@dataclass(frozen=True, slots=True)
class Command:
    """A command, or a group of them.

    Attributes:
        name: as it is typed.
        home: ``module:function`` within `lineside.cli`; of a group, a function that returns its `typer.Typer`.
        sentence: what it does, short enough for a line of a terminal.
        is_group: whether it has commands of its own.
        takes_rest: whether everything behind its first argument is not for it, as that of a command that it starts.
    """

    name: str
    home: str
    sentence: str
    is_group: bool = False
    takes_rest: bool = False

    def load(self) -> Any:
        """Import it and return it as Typer runs it: its options are read, which takes some milliseconds."""
        module, _, attribute = self.home.partition(":")
        function = getattr(import_module(f"lineside.cli.{module}"), attribute)
        if self.is_group:
            loaded: Any = typer.main.get_group(function())
            loaded.help = self.sentence
        else:
            app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
            app.command(self.name, help=self.sentence)(function)
            loaded = typer.main.get_command(app)
            loaded.allow_interspersed_args = not self.takes_rest
        loaded.name = self.name
        return loaded
