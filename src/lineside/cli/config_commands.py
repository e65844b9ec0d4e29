"""`lineside config`: check a file, print the schema for editors, print a file to start from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lineside.cli.arguments import config_argument, json_option, overrides_argument
from lineside.cli.exit_codes import ExitCode
from lineside.cli.train import mistakes
from lineside.errors import ConfigError
from lineside.language import text

if TYPE_CHECKING:
    from lineside.config.experiment import Experiment
    from lineside.config.problems import Problem


def config_program() -> typer.Typer:
    """Return the group of commands."""
    app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.command(help=text("Tell all mistakes of a configuration.", "指出配置文件中的全部错误。"))(check)
    app.command(help=text("Print the JSON Schema for editors.", "输出供编辑器使用的 JSON Schema。"))(schema)
    app.command(help=text("Print a file to start from.", "输出一份可供起步的配置文件。"))(template)
    return app


def check(
    config: Annotated[Path, config_argument()],
    overrides: Annotated[list[str] | None, overrides_argument()] = None,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Read a file as `lineside train` does, import what it names, and tell all that is wrong.

    Raises:
        MissingDependency: a library is not installed.
        Exit: with 2 if there are mistakes.
    """
    from lineside.cli.terminal import print_json
    from lineside.config.loading import load
    from lineside.config.names import importable
    from lineside.config.problems import Problem

    try:
        with importable(config.parent):
            experiment = load(config, overrides or [])
    except ConfigError as error:
        if as_json:
            found = [_document(problem) for problem in error.problems if isinstance(problem, Problem)]
            print_json({"file": str(config), "mistakes": found})
        else:
            print(f"{mistakes(config, len(error.problems))}\n{error}")
        raise typer.Exit(ExitCode.USAGE) from None
    if as_json:
        print_json({"file": str(config), "mistakes": []})
    else:
        print(f"{config}: {_in_words(experiment)}")


def _document(problem: Problem) -> dict[str, Any]:
    place = problem.place
    return {
        "source": place.source,
        "line": place.line,
        "column": place.column,
        "entry": problem.entry,
        "message": problem.message,
    }


def _in_words(experiment: Experiment) -> str:
    names = ", ".join(entry.cls.__name__ for entry in experiment.callbacks)
    return text(
        f"no mistakes. It trains {experiment.model.name}; callbacks: {names or 'none'}.",
        f"没有错误。训练 {experiment.model.name}；回调：{names or '无'}。",
    )


def schema(
    _as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help=text("As elsewhere; the schema is JSON in any case.", "与其他命令一致；Schema 本来就是 JSON。"),
        ),
    ] = False,
) -> None:
    """Print a JSON Schema of configurations with all callbacks that are installed.

    Args:
        _as_json: changes nothing; it is accepted because scripts give it to every command.

    Raises:
        MissingDependency: PyTorch is not installed.
    """
    import json

    from lineside.config.schema import json_schema

    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def template() -> None:
    """Print a configuration with comments, which trains on scanned digits as it is."""
    from lineside.config.template import template as text_of_template

    print(text_of_template(), end="")
