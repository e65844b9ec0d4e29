"""What users call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineside.bridges.versions import check_version
from lineside.callback import Callback

if TYPE_CHECKING:
    from lineside.bridges.ultralytics.callback import UltralyticsCallback


def ultralytics(
    yolo: Any,
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
    integrations: Mapping[str, bool] | None = None,
) -> UltralyticsCallback:
    """Have a model of Ultralytics carry callbacks of Lineside in `train`, `val`, `predict` and `export`.

    Args:
        yolo: a ``YOLO``, ``RTDETR`` or another model of Ultralytics.
        callbacks: objects or registered names.
        project: runs of one project lie in one directory. It is not the ``project=`` of ``yolo.train``, where
            Ultralytics keeps its own files.
        name: what the run is called.
        run_dir: where all projects lie.
        resume: None for a new run, ``"auto"`` for the newest one of this project and name that was interrupted, failed
            or was killed (or a new one), or the name of a run. Weights, their average, optimizer and schedule are put
            back from the run's checkpoint; ``resume=`` of ``yolo.train`` is not needed, and may only be a file of it.
        start_from: a checkpoint from which a new run branches.
        continue_stopped: go on although the run was stopped.
        seed: of all random generators; None leaves them to Ultralytics' own ``seed=``.
        hparams: hyper-parameters, for the record; unless given, the arguments of ``yolo.train``.
        integrations: Ultralytics' own integrations that are on (True) or off (False) in the trainings of this model,
            whatever its settings say: ``{"tensorboard": True, "wandb": False}``.

    Returns:
        The callback, which is registered already; its ``run`` is the run of the newest call.

    Raises:
        MissingDependency: Ultralytics is not installed.
        OptionError: it is older than 8.4.142, `yolo` is none of its models, or an integration is unknown.
    """
    check_version("ultralytics", "8.4.142", extra="ultralytics")
    from lineside.bridges.ultralytics.callback import UltralyticsCallback
    from lineside.bridges.ultralytics.luggage import Luggage

    luggage = Luggage(
        tuple(callbacks),
        {"project": project, "name": name, "run_dir": run_dir, "seed": seed},
        {"resume": resume, "start_from": start_from, "continue_stopped": continue_stopped},
        hparams,
        dict(integrations or {}),
    )
    return UltralyticsCallback(luggage, yolo)
