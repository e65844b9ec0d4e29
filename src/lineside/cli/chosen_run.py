"""The run that somebody means."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lineside.errors import RunNotFound
from lineside.store.catalogue import find_runs, resolve_run
from lineside.store.directory import RunDirectory

_NEWEST: Final = ("last", "latest")


def chosen_run(run_dir: Path, name: str) -> RunDirectory:
    """Return the run that a name stands for: what `resolve_run` takes, or ``last`` or ``project/last`` for the newest.

    Raises:
        RunNotFound: nothing fits; the message has the nearest name.
        RunAmbiguous: several runs fit; the message lists them.
    """
    project, _, word = name.rpartition("/")
    if word not in _NEWEST or (Path(name) / "run.json").is_file():
        return resolve_run(run_dir, name)
    runs = find_runs(run_dir, project or None)
    if not runs:
        where = run_dir / project if project else run_dir
        raise RunNotFound(f"There is no run in {where}, so none is the last. Where runs lie is told by --run-dir.")
    return runs[0]
