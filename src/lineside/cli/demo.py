"""`lineside demo`: a training is killed, resumes by itself, and proves that nothing was lost."""

from __future__ import annotations

import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Final

import typer

from lineside.cli.exit_codes import ExitCode
from lineside.errors import MissingDependency
from lineside.language import text

if TYPE_CHECKING:
    from lineside.cli.narrator import Narrator, Place
    from lineside.cli.outcome import Outcome
    from lineside.cli.training_process import Plan
    from lineside.store.directory import RunDirectory

PROJECT: Final = "demo"
KILL_IN_EPOCH: Final = 8
"""Counted from 0; about half of what the training takes until it stops by itself."""

_NEEDED: Final = {
    "torch": "PyTorch",
    "sklearn": "scikit-learn",
    "matplotlib": "Matplotlib",
    "tensorboard": "TensorBoard",
}


def demo(
    run_dir: Annotated[
        Path, typer.Option(help=text("Where the runs are to lie.", "训练记录存放的目录。"), file_okay=False)
    ] = Path("runs"),
    epochs: Annotated[int, typer.Option(min=2, help=text("The most epochs to train.", "最多训练多少轮。"))] = 40,
) -> None:
    """Tell the story from start to end.

    Raises:
        MissingDependency: a library of the extra ``demo`` is not installed.
        Exit: with 1 if the resumed training did not end where the uninterrupted one ended.
    """
    require_libraries()
    from lineside.cli.narrator import Narrator
    from lineside.cli.training_process import Plan

    narrator = Narrator()
    began = time.monotonic()
    narrator.title()
    try:
        with TemporaryDirectory(prefix="lineside-demo-") as scratch:
            proven = tell(narrator, Plan(run_dir, PROJECT, "digits", epochs), Path(scratch))
    except KeyboardInterrupt:
        narrator.interrupted()
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    narrator.end(time.monotonic() - began, proven=proven)
    if not proven:
        raise typer.Exit(ExitCode.FAILED)


def tell(narrator: Narrator, plan: Plan, scratch: Path) -> bool:
    """Train, kill, resume, train undisturbed, compare; return whether both came to the same end.

    Args:
        narrator: says what happens.
        plan: of the training that is killed; the undisturbed one has the same but for its name.
        scratch: an empty directory.

    Raises:
        TrainingFailed: a training ended with an error.
    """
    from lineside.cli.position import newest_position
    from lineside.cli.proof import comparisons
    from lineside.cli.training_process import TrainingProcess
    from lineside.store.reader import RunReader

    epoch = min(KILL_IN_EPOCH, plan.epochs // 2)
    with TrainingProcess(plan, scratch) as training:
        narrator.starting(training.pid, epoch)
        run = training.kill_in_epoch(epoch)
    if run is None:
        narrator.too_short(epoch)
        return False
    position = newest_position(run)
    narrator.killed(training.pid, position)

    with TrainingProcess(plan, scratch, resume=True) as training:
        narrator.resuming(position)
        resumed = training.outcome()
    narrator.ended(resumed)

    undisturbed_plan = replace(plan, name=f"{plan.name}-undisturbed")
    with TrainingProcess(undisturbed_plan, scratch, quiet=True) as training, narrator.repeating():
        undisturbed = training.outcome()
    compared = comparisons(resumed, undisturbed)
    with RunReader.open(run.path) as reader:
        resumed_step = next((attempt.resumed_step for attempt in reader.attempts() if attempt.number == 2), None)
    narrator.compared(resumed_step, position, compared)

    narrator.result(resumed)
    missing = narrator.places(run.path, _places(run, resumed))
    narrator.costs(resumed.costs)
    equal = resumed_step == position.step and all(each.equal for each in compared)
    return equal and resumed.restored and not missing


def _places(run: RunDirectory, outcome: Outcome) -> list[Place]:
    from lineside.cli.narrator import Place

    return [
        Place(text("best checkpoint", "最佳检查点"), run.checkpoints / outcome.best, "manifest.json"),
        Place(text("plots", "曲线图"), run.plots, "*.png"),
        Place(text("metrics", "指标"), run.path / "metrics.csv"),
        Place("TensorBoard", run.tensorboard, "*tfevents*"),
    ]


def require_libraries() -> None:
    """Refuse to begin without what the training needs.

    Raises:
        MissingDependency: with the line that installs it.
    """
    missing = [title for module, title in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise MissingDependency("lineside demo", ", ".join(missing), "demo")
