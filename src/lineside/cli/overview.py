"""The program as a group of commands: each is loaded when it is called, and all of them fit on one screen of help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup

from lineside.cli.command import Command
from lineside.language import text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


class Overview(TyperGroup):
    """A group whose commands a subclass tells, by the word that they stand under in the help."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._panels = self.panels()
        self._commands = {command.name: command for commands in self._panels.values() for command in commands}

    def panels(self) -> Mapping[str, Sequence[Command]]:
        """Return the commands."""
        raise NotImplementedError

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the order of the help."""
        return list(self._commands)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Load a command; None where there is none of that name."""
        if cmd_name in self._commands:
            return self._commands[cmd_name].load()
        # The nearest name is suggested from these.
        self.commands = {name: command.load() for name, command in self._commands.items()}
        return None

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write a line a command."""
        from lineside.cli.terminal import console

        out = console()
        with out.capture() as drawn:
            self._draw(ctx, out)
        formatter.write(drawn.get())

    def _draw(self, ctx: Any, out: Console) -> None:
        from rich.text import Text

        out.print(Text(self.help or ""))
        out.print()
        out.print(self._table())
        out.print()
        options = [max(parameter.opts, key=len) for parameter in self.get_params(ctx) if parameter.opts]
        more = text("COMMAND --help tells more.", "命令 --help 显示详细说明。")
        out.print(Text(" ".join([more, *(option for option in options if option != "--help")])))
        out.print(Text(self.epilog or "", "dim"))

    def _table(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        rows = Table.grid(padding=(0, 2, 0, 0))
        for _ in range(2):
            rows.add_column(no_wrap=True)
        rows.add_column(overflow="fold")
        for panel, commands in self._panels.items():
            for command in commands:
                title = panel if command is commands[0] else ""
                rows.add_row(Text(title, "dim"), Text(command.name, "bold cyan"), command.sentence)
        return rows
