"""Finding runs: all of them, the one to resume, the one that a shortened name stands for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lineside.errors import RunAmbiguous, RunNotFound, StoreError, nearest
from lineside.store.directory import RunDirectory
from lineside.store.run_record import RunRecord

_SHOWN = 10
_RESUMABLE = ("interrupted", "failed", "killed")


def find_runs(run_dir: Path, project: str | None = None, name: str | None = None) -> list[RunDirectory]:
    """Return runs, the newest first; of one project and of one given name, or of all.

    Only `run.json` is read. A run whose record is damaged cannot tell its name or age: it comes last, and only where no
    name is asked for.
    """
    return [run for run, _ in find_records(run_dir, project, name)]


def find_records(
    run_dir: Path, project: str | None = None, name: str | None = None
) -> list[tuple[RunDirectory, RunRecord | None]]:
    """Return runs as `find_runs` does, each with its record; None where that is damaged."""
    dated: list[tuple[float, str, RunDirectory, RunRecord | None]] = []
    for run in _directories(run_dir, project):
        record = _record(run)
        if name is None or (record is not None and record.name == name):
            dated.append((record.created if record else 0.0, run.name, run, record))
    return [entry[2:] for entry in sorted(dated, key=lambda entry: entry[:2], reverse=True)]


def newest_resumable(run_dir: Path, project: str, name: str | None) -> RunDirectory | None:
    """Return the newest run of that project and name (``run`` if None) that was interrupted, failed or was killed."""
    return next((run for run in find_runs(run_dir, project, name or "run") if is_resumable(run)), None)


def is_resumable(run: RunDirectory) -> bool:
    """Tell whether a run was interrupted, failed or was killed; one that cannot be read is not."""
    try:
        return run.status() in _RESUMABLE
    except (StoreError, RunNotFound, PermissionError):
        return False


def resolve_run(run_dir: Path, text: str) -> RunDirectory:
    """Return the run that a text stands for.

    That is a path of a run's directory, an id, ``project/id``, or so much of an id that it fits one run: of its
    beginning, its end or, if neither fits, of any part.

    Raises:
        RunNotFound: nothing fits; the message has the nearest name.
        RunAmbiguous: several runs fit; the message lists them, by name.
    """
    if text and (Path(text) / "run.json").is_file():
        return RunDirectory.open(Path(text))
    project, _, wanted = text.rpartition("/")
    runs = [run for run in _directories(run_dir, None) if not project or run.project == project]
    for fits in (str.__eq__, str.startswith, str.endswith, str.__contains__):
        found = [run for run in runs if wanted and fits(run.name, wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            listed = sorted((f"{run.project}/{run.name}" for run in found), reverse=True)
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            raise RunAmbiguous(
                f"{text!r} stands for several runs: {', '.join(listed[:_SHOWN])}{more}. Give more of the name."
            )
    there = nearest(text, [run.name for run in runs] + [f"{run.project}/{run.name}" for run in runs])
    raise RunNotFound(f"There is no run {text!r} in {run_dir}.{there} Runs are the directories <project>/<run> in it.")


def _directories(run_dir: Path, project: str | None) -> Iterator[RunDirectory]:
    projects = [entry.name for entry in _entries(run_dir)] if project is None else [project]
    for each in projects:
        for entry in _entries(run_dir / each):
            run = RunDirectory(Path(entry.path))
            with suppress(PermissionError):  # another user's
                if run.record_path.is_file():
                    yield run


def _entries(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return [entry for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def _record(run: RunDirectory) -> RunRecord | None:
    try:
        return run.read_record()
    except (StoreError, RunNotFound, PermissionError):
        return None
