"""What users call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineside.bridges.versions import check_version
from lineside.callback import Callback

if TYPE_CHECKING:
    from lineside.bridges.lightning.callback import LightningCallback


def lightning(
    callbacks: Sequence[Callback | str] = (),
    *,
    project: str = "default",
    name: str | None = None,
    run_dir: str | Path = "runs",
    resume: str | Path | None = None,
    start_from: str | Path | None = None,
    continue_stopped: bool = False,
    seed: int | None = None,
    hparams: Mapping[str, Any] | None = None,
) -> LightningCallback:
    """Return a callback for ``lightning.Trainer(callbacks=[…])`` that carries callbacks of Lineside.

    Args:
        callbacks: objects or registered names.
        project: runs of one project lie in one directory.
        name: what the run is called.
        run_dir: where all projects lie.
        resume: None for a new run, ``"auto"`` for the newest one of this project and name that was interrupted, failed
            or was killed (or a new one), or the name of a run. Model, optimizers, schedulers and Lightning's own loops
            are put back from the run's checkpoint; ``ckpt_path=`` is not needed, and may only be a file of it.
        start_from: a checkpoint from which a new run branches.
        continue_stopped: go on although the run was stopped.
        seed: of all random generators; None leaves them to `lightning.seed_everything`.
        hparams: hyper-parameters, for the record; unless given, those that the module has saved.

    Raises:
        MissingDependency: Lightning is not installed, or is older than 2.5.
    """
    check_version("lightning", "2.5", "pytorch_lightning", extra="lightning")
    from lineside.bridges.lightning.callback import LightningCallback

    return LightningCallback(
        callbacks,
        {"project": project, "name": name, "run_dir": run_dir, "seed": seed},
        {"resume": resume, "start_from": start_from, "continue_stopped": continue_stopped},
        hparams,
    )
