"""The command line as a whole: which commands there are, and how an error becomes a message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from typing import Annotated

import typer

import lineside
from lineside.cli.command import Command
from lineside.cli.exit_codes import ExitCode, meanings
from lineside.cli.overview import Overview
from lineside.errors import LinesideError
from lineside.language import text


def commands() -> Mapping[str, Sequence[Command]]:
    """Return all commands by what they are for; this is where a new one is registered.

    A command is a function in a file of its own, which is loaded when it is called; its heavy imports wait until it
    runs. Its texts are annotations, so that they are read in the language of the moment.
    """
    return {
        text("Look", "查看"): [
            Command("list", "list_runs:list_runs", text("All runs, the newest first.", "列出所有训练，最新的在前。")),
            Command(
                "show",
                "show:show",
                text(
                    "A run: state, curves, decisions, checkpoints, costs.", "查看训练：状态、曲线、决策、检查点、开销。"
                ),
            ),
            Command("follow", "follow:follow", text("What happens in a run, live.", "实时跟踪训练。")),
            Command(
                "compare", "compare:compare", text("Runs side by side, and how they differ.", "并排比较多次训练。")
            ),
            Command(
                "report", "report:report", text("A run as one page, for browsers and paper.", "生成训练报告网页。")
            ),
        ],
        text("Steer", "控制"): [
            Command(
                "stop",
                "stop:stop",
                text("End a run for good: validation, hooks, a checkpoint.", "结束训练：验证、钩子、检查点。"),
            ),
            Command(
                "pause", "pause:pause", text("Let a run wait at its next safe point.", "让训练在下一个安全点等待。")
            ),
            Command("unpause", "unpause:unpause", text("Let a paused run go on.", "让暂停的训练继续。")),
            Command("save", "save:save", text("Save a checkpoint now.", "立即保存检查点。")),
            Command("validate", "validate:validate", text("Validate now.", "立即验证。")),
            Command("set-lr", "set_lr:set_lr", text("Train with another learning rate.", "改变学习率。")),
        ],
        text("Train", "训练"): [
            Command("train", "train:train", text("Train as a file says.", "按配置文件训练。")),
            Command(
                "run",
                "run:run",
                text("Start a training, tell of its death, start it again.", "启动训练，报告其终止，并重新启动。"),
                takes_rest=True,
            ),
            Command(
                "watch",
                "watch:watch",
                text("The same for a run that is under way already.", "监视已在进行的训练。"),
            ),
            Command(
                "config",
                "config_commands:config_program",
                text(
                    "Such a file: check it, a schema for editors, a template.", "配置文件：检查、编辑器模式、起步模板。"
                ),
                is_group=True,
            ),
            Command(
                "demo",
                "demo:demo",
                text(
                    "Train, get killed, resume, and prove that nothing was lost.",
                    "训练、被终止、恢复，并证明没有丢失。",
                ),
            ),
        ],
        text("Check", "检查"): [
            Command(
                "deliver",
                "deliver:deliver",
                text("Send what waits in a run's outbox.", "投递训练发件箱中等待的内容。"),
            ),
            Command(
                "callbacks",
                "callbacks:callbacks",
                text("All callbacks, or one with its options.", "列出回调，或显示其选项。"),
            ),
            Command(
                "alerts",
                "alerts_commands:alerts_program",
                text("Send one, to see whether it arrives.", "发送测试提醒，确认能否送达。"),
                is_group=True,
            ),
            Command("verify", "verify:verify", text("Are checkpoints what was committed?", "检查点是否完好？")),
            Command(
                "doctor", "doctor:doctor", text("What is installed, and what will hurt here.", "安装情况与本机隐患。")
            ),
        ],
    }


class _Program(Overview):
    def panels(self) -> Mapping[str, Sequence[Command]]:
        return commands()


def program() -> typer.Typer:
    """Return the program with all its commands."""
    app = typer.Typer(
        name="lineside",
        cls=_Program,
        help=text(
            "Callbacks beside the training line: they watch it, steer it, and survive it.",
            "站在训练线旁的回调：观察训练、控制训练，并在中断后继续。",
        ),
        epilog=meanings(),
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(options)
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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a character gets another one
    try:
        program()(prog_name="lineside")
    except LinesideError as error:
        from lineside.cli.terminal import printable

        # Names of others may stand in it.
        lines = map(printable, f"lineside: {error}".split("\n"))
        print("\n".join(lines), file=sys.stderr)
        sys.exit(ExitCode.FAILED)
