"""`lineside verify`: read checkpoints from the first byte to the last, and compare them with what was committed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lineside.cli.arguments import RUN_DIR, json_option, run_dir_option
from lineside.cli.exit_codes import ExitCode
from lineside.language import text


def verify(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT",
            help=text(
                "A checkpoint's directory, a run for all of its checkpoints, or RUN:NAME, such as last:best.",
                "检查点目录；或训练；或 训练:名称。",
            ),
            show_default=False,
        ),
    ],
    run_dir: Annotated[Path, run_dir_option()] = RUN_DIR,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Verify checkpoints.

    Raises:
        RunNotFound, RunAmbiguous: the name does not stand for one run.
        CheckpointNotFound: the run has no such checkpoint.
        Exit: with `ExitCode.FAILED` if one is damaged.
    """
    from lineside.cli.terminal import print_json, printable

    verdicts = []
    for directory in _directories(checkpoint, run_dir):
        verdict = _verdict(directory)
        verdicts.append(verdict)
        if not as_json:  # at once: a large checkpoint takes its time
            print(printable(f"{directory.name}: {_sentence(verdict)}"), flush=True)
    if as_json:
        print_json(verdicts)
    if not all(verdict["sound"] for verdict in verdicts):
        raise typer.Exit(ExitCode.FAILED)


def _directories(name: str, run_dir: Path) -> list[Path]:
    """Return the directories that are meant, damaged ones included."""
    from lineside.checkpoints.catalog import Catalog
    from lineside.checkpoints.format import step_of
    from lineside.cli.chosen_run import chosen_run
    from lineside.errors import CheckpointNotFound

    path = Path(name)
    if path.is_dir() and not (path / "run.json").is_file():
        return [path.resolve()]
    run, colon, key = name.rpartition(":")
    if colon:
        chosen = chosen_run(run_dir, run)
        if step_of(key) is not None and (chosen.checkpoints / key).is_dir():
            return [chosen.checkpoints / key]
        return [Catalog(chosen.checkpoints, chosen.name).find(key).path]
    root = chosen_run(run_dir, name).checkpoints
    found = [entry for entry in sorted(root.iterdir()) if step_of(entry.name) is not None] if root.is_dir() else []
    if not found:
        raise CheckpointNotFound(f"{root} holds no checkpoint.")
    return found


def _verdict(directory: Path) -> dict[str, Any]:
    from lineside.checkpoints.checkpoint import Checkpoint
    from lineside.errors import CheckpointDamaged, CheckpointTooNew

    verdict: dict[str, Any] = {"checkpoint": str(directory), "sound": False, "file": None, "detail": ""}
    verdict |= dict.fromkeys(("step", "files", "bytes"))
    try:
        checkpoint = Checkpoint.open(directory)
        checkpoint.verify()
    except CheckpointDamaged as damage:
        return verdict | {"file": damage.file, "detail": damage.how}
    except CheckpointTooNew as error:
        return verdict | {"detail": str(error)}
    sizes = [record.size for record in checkpoint.manifest.files.values()]
    return verdict | {"sound": True, "step": checkpoint.step, "files": len(sizes), "bytes": sum(sizes)}


def _sentence(verdict: dict[str, Any]) -> str:
    from lineside.cli.amounts import size

    if verdict["sound"]:
        count, total = verdict["files"], size(verdict["bytes"])
        return text(f"sound: {count} files, {total}", f"完好：{count} 个文件，{total}")
    where = f"{verdict['file']}: " if verdict["file"] else ""
    return text(f"DAMAGED: {where}{verdict['detail']}", f"已损坏：{where}{verdict['detail']}")
