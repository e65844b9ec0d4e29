"""`lineside train`: a training from a file."""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lineside.cli.arguments import config_argument, json_option, overrides_argument
from lineside.cli.exit_codes import ExitCode
from lineside.errors import ConfigError
from lineside.language import text

if TYPE_CHECKING:
    from lineside.callback import Callback
    from lineside.config.experiment import Experiment, Training
    from lineside.fit_result import FitResult

_PRINTING: Final = {"progress-bar", "training-monitor"}
_RESUMABLE: Final = (ExitCode.TRY_AGAIN, ExitCode.INTERRUPTED, ExitCode.TERMINATED)


def train(
    config: Annotated[Path, config_argument()],
    overrides: Annotated[list[str] | None, overrides_argument()] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="auto|RUN",
            help=text(
                "Go on with a run; auto: the newest that was interrupted, failed or was killed.",
                "继续某次训练；auto：最近一次被中断、失败或被杀死的训练。",
            ),
        ),
    ] = None,
    smoke: Annotated[
        bool,
        typer.Option(
            "--smoke", help=text("Two epochs of three batches, to see that it works.", "试运行：两轮，每轮三批。")
        ),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help=text("Add no progress bar.", "不添加进度条。"))] = False,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Train as a file says, test if there are test data, and print what came out.

    Raises:
        MissingDependency: a library is not installed.
        Exit: with 2 if the configuration has mistakes, 130 after Ctrl-C.
        SystemExit: with 130 or 143 after a signal, 75 if a callback interrupted it; the run can be resumed.
    """
    from lineside.config.loading import load
    from lineside.config.names import importable

    with ExitStack() as surroundings:
        surroundings.enter_context(importable(config.parent))
        if as_json:
            surroundings.enter_context(redirect_stdout(sys.stderr))
        try:
            experiment = load(config, overrides or [])
            training = experiment.prepare(_added(experiment, quiet=quiet))
            result = _fit(training, resume, _command(config, overrides or []), smoke=smoke)
            tested = {} if smoke else training.test()
        except ConfigError as error:
            print(f"lineside: {mistakes(config, len(error.problems))}\n{error}", file=sys.stderr)
            raise typer.Exit(ExitCode.USAGE) from None
        except KeyboardInterrupt:
            print(text("Interrupted.", "已中断。"), file=sys.stderr)
            raise typer.Exit(ExitCode.INTERRUPTED) from None
    _tell(result, tested, as_json=as_json)


def mistakes(config: Path, count: int) -> str:
    """Return how many mistakes a configuration has, in words."""
    return text(f"{config} has {count} mistake{'s' if count > 1 else ''}:", f"{config} 有 {count} 处错误：")


def _added(experiment: Experiment, *, quiet: bool) -> list[Callback]:
    """Return a progress bar, if no callback of the file shows how far the training is."""
    from lineside.callbacks.progress_bar import ProgressBar

    return [] if quiet or _PRINTING & {entry.cls.name for entry in experiment.callbacks} else [ProgressBar()]


def _command(config: Path, overrides: list[str]) -> str:
    """Return the line that goes on with a run that was interrupted."""
    return shlex.join(["lineside", "train", str(config), *overrides, "--resume", "auto"])


def _fit(training: Training, resume: str | None, again: str, *, smoke: bool) -> FitResult:
    """Train; if a signal or a callback interrupts it, say how to go on."""
    changed = {"resume": resume} if resume is not None else {}
    try:
        return training.fit(**changed, **({"smoke": True} if smoke else {}))
    except SystemExit as ended:
        if ended.code in _RESUMABLE and not smoke:
            words = text(f"Interrupted; saved. To go on: {again}", f"已中断并保存。继续训练：{again}")
            print(words, file=sys.stderr)
        raise


def _tell(result: FitResult, tested: dict[str, float], *, as_json: bool) -> None:
    from lineside.cli.terminal import print_json
    from lineside.reports.epoch_line import number

    last = {name: values[-1] for name, values in result.history.items() if values}
    if as_json:
        print_json(_document(result, last | tested))
        return
    print(f"\n{result.reason}")
    metrics = sorted((last | tested).items(), key=lambda one: not one[0].endswith("/loss"))
    for stage in ("train/", "val/", "test/"):
        if shown := [f"{name} {number(value)}" for name, value in metrics if name.startswith(stage)]:
            print("  ".join(shown))
    if result.best is not None:
        print(text(f"best  {result.best.path}", f"最佳  {result.best.path}"))
    print(text(f"run   {result.run}", f"训练  {result.run}"))


def _document(result: FitResult, metrics: dict[str, float]) -> dict[str, Any]:
    return {
        "run": str(result.run),
        "reason": result.reason,
        "metrics": metrics,
        "best": str(result.best.path) if result.best is not None else None,
        "last": str(result.last.path) if result.last is not None else None,
    }
