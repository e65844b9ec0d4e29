"""What users call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineside.bridges.versions import check_version
from lineside.callback import Callback

if TYPE_CHECKING:
    from lineside.bridges.keras.callback import KerasCallback


def keras(
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
    gradients: bool = False,
) -> KerasCallback:
    """Return a callback for ``model.fit(callbacks=[…])`` that carries callbacks of Lineside.

    Args:
        callbacks: objects or registered names.
        project: runs of one project lie in one directory.
        name: what the run is called.
        run_dir: where all projects lie.
        resume: None for a new run, ``"auto"`` for the newest one of this project and name that was interrupted, failed
            or was killed (or a new one), or the name of a run. `fit` then begins with the epoch that comes next.
        start_from: a checkpoint from which a new run branches.
        continue_stopped: go on although the run was stopped.
        seed: of all random generators; None leaves them to `keras.utils.set_random_seed`.
        hparams: hyper-parameters, for the record.
        gradients: let callbacks see the gradients of a step that TensorFlow compiles; it leaves a copy of gradients and
            weights then, in every step. On torch they see them anyway.

    Raises:
        MissingDependency: Keras is not installed.
        OptionError: it is older than version 3.5, or gradients are asked for on JAX.
    """
    check_version("keras", "3.5", extra="keras")
    from lineside.backends.keras.engines import why_unseen
    from lineside.bridges.keras.callback import KerasCallback

    why_unseen("lineside.keras", asked=gradients)
    return KerasCallback(
        callbacks,
        {"project": project, "name": name, "run_dir": run_dir, "seed": seed, "hparams": hparams},
        {"resume": resume, "start_from": start_from, "continue_stopped": continue_stopped},
        gradients=gradients,
    )
