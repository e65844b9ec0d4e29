"""What users call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineside.bridges.versions import check_version
from lineside.callback import Callback

if TYPE_CHECKING:
    from lineside.bridges.transformers.callback import TransformersCallback


def transformers(
    callbacks: Sequence[Callback | str] = (),
    *,
    project: str = "default",
    name: str | None = None,
    run_dir: str | Path = "runs",
    resume: str | Path | None = None,
    continue_stopped: bool = False,
    seed: int | None = None,
    hparams: Mapping[str, Any] | None = None,
) -> TransformersCallback:
    """Return a callback for ``transformers.Trainer(callbacks=[…])`` that carries callbacks of Lineside.

    Args:
        callbacks: objects or registered names.
        project: runs of one project lie in one directory.
        name: what the run is called.
        run_dir: where all projects lie.
        resume: None for a new run, ``"auto"`` for the newest one of this project and name that was interrupted, failed
            or was killed (or a new one), or the name of a run. ``trainer.train()`` goes on from its newest checkpoint.
        continue_stopped: go on although the run was stopped.
        seed: of all random generators; None leaves them to ``TrainingArguments(seed=…)``.
        hparams: hyper-parameters, for the record; unless given, the main ones of `TrainingArguments`.

    Raises:
        MissingDependency: Transformers is not installed.
        OptionError: it is older than version 5.
    """
    check_version("transformers", "5.0", extra="transformers")
    from lineside.bridges.transformers.callback import TransformersCallback

    return TransformersCallback(
        callbacks,
        {"project": project, "name": name, "run_dir": run_dir, "seed": seed},
        resume=resume,
        continue_stopped=continue_stopped,
        hparams=hparams,
    )
