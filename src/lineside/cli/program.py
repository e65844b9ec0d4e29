"""The command line as a whole: which commands there are, and how an error becomes a message and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import lineside
from lineside.cli.demo import demo
from lineside.cli.exit_codes import ExitCode, meanings
from lineside.errors import LinesideError
from lineside.language import text


def program() -> typer.Typer:
    """Return the program with all its commands; this is where a new one is registered.

    A command is a function in a file of its own, whose imports wait until it is called. Its texts are annotations, so
    that they are read, in the language of the moment, when the program is built.
    """
    app = typer.Typer(
        name="lineside",
        help=text(
            "Callbacks for model training that stand beside the line: they watch it, steer it, and survive it.",
            "站在训练线旁的回调：观察训练、控制训练，并在中断后继续。",
        ),
        epilog=meanings(),
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(options)
    app.command(
        help=text(
            "Train on real digits, get killed, resume, and prove that nothing was lost.",
            "用真实的手写数字训练，被强行终止，自动恢复，并证明没有丢失任何结果。",
        )
    )(demo)
    return app


def _show_version(asked: bool) -> None:
    if asked:
        print(f"lineside {lineside.__version__}")
        raise typer.Exit


def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help=text("Show the version.", "显示版本。")),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def main() -> None:
    """Run the command of this process's arguments, and end the process.

    Raises:
        SystemExit: always, with one of `ExitCode`, or 128 + the signal that ended the command.
    """
    try:
        program()()
    except LinesideError as error:
        print(f"lineside: {error}", file=sys.stderr)
        sys.exit(ExitCode.FAILED)
