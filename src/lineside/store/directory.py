"""The directory of a run: everything that the run leaves behind, so that copying it moves the run."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Self

from lineside.errors import OptionError, RunDirectoryBusy, RunNotFound, StoreDamaged, StoreTooNew
from lineside.files import FileLock, contained, fsync, write_atomic
from lineside.store.run_record import FORMAT, LARGEST, NewerFormat, RunRecord, Status

_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_LONGEST_NAME: Final = 100
_TOKENS_TRIED: Final = 20


class RunDirectory:
    """`<run_dir>/<project>/<run>/`. Making this object reads and writes nothing.

    Args:
        path: the directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path / ".lock")

    @classmethod
    def create(
        cls, run_dir: Path, project: str, name: str | None, now: datetime, token: str | None = None
    ) -> RunDirectory:
        """Make the directory of a new run, `<run_dir>/<project>/<name>-<timestamp>-<4 hex digits>`.

        Args:
            run_dir: where all projects lie; made if it is missing.
            project: name of the project.
            name: name of the run; ``run`` if None.
            now: the time that becomes part of the name.
            token: the four digits; drawn at random if None.

        Raises:
            OptionError: `project` or `name` cannot name a directory, or `token` gives one that exists.
            OSError: the directory cannot be made.
        """
        _checked("project", project)
        stem = f"{_checked('name', name or 'run')}-{now:%Y%m%d-%H%M%S}"
        run_dir.mkdir(parents=True, exist_ok=True)
        parent = contained(run_dir, project)
        parent.mkdir(exist_ok=True)
        for _ in range(_TOKENS_TRIED):
            path = contained(parent, f"{stem}-{token or secrets.token_hex(2)}")
            try:
                path.mkdir()
            except FileExistsError:
                continue
            fsync(parent)
            return cls(path)
        raise OptionError(f"{parent} already has runs called {stem}-…; give another name or another token.")

    @classmethod
    def open(cls, path: Path) -> Self:
        """Return the directory of a run that exists.

        Raises:
            RunNotFound: there is no `run.json`.
        """
        run = cls(path.resolve())
        if not run.record_path.is_file():
            raise RunNotFound(f"{path} is no run's directory: it has no run.json. Name the directory that holds one.")
        return run

    def __repr__(self) -> str:
        return f"RunDirectory({str(self.path)!r})"

    @property
    def name(self) -> str:
        """The run's id."""
        return self.path.name

    @property
    def project(self) -> str:
        """The project's name."""
        return self.path.parent.name

    @property
    def record_path(self) -> Path:
        """`run.json`."""
        return self.path / "run.json"

    @property
    def database(self) -> Path:
        """Metrics, events, requests and texts, for `StoreWriter` and `RunReader`."""
        return self.path / "run.db"

    @property
    def inbox(self) -> Path:
        """Where requests from outside arrive, for `Inbox`."""
        return self.path / "inbox"

    @property
    def checkpoints(self) -> Path:
        """Committed checkpoints."""
        return self.path / "checkpoints"

    @property
    def plots(self) -> Path:
        """Drawn curves."""
        return self.path / "plots"

    @property
    def tensorboard(self) -> Path:
        """Files for TensorBoard."""
        return self.path / "tensorboard"

    def lock(self) -> None:
        """Become the run's one writer, until `unlock` or the end of the process, however it ends.

        Raises:
            RunDirectoryBusy: there is another one.
        """
        if not self._lock.acquire():
            raise RunDirectoryBusy(self.path, self._lock.holder())

    def unlock(self) -> None:
        """Let another process write the run."""
        self._lock.release()

    def read_record(self) -> RunRecord:
        """Return what stands in `run.json`.

        Raises:
            RunNotFound: there is no such file.
            StoreDamaged: it is not what Lineside wrote.
            StoreTooNew: a newer Lineside wrote it.
        """
        path = self.record_path
        if not path.is_file():
            raise RunNotFound(f"{self.path} is no run's directory: it has no run.json.")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise StoreDamaged(path, f"it has more than {LARGEST} bytes")
        try:
            return RunRecord.from_bytes(data)
        except NewerFormat as error:
            raise StoreTooNew(path, error.version, FORMAT) from error
        except ValueError as error:
            raise StoreDamaged(path, str(error)) from error

    def write_record(self, record: RunRecord) -> None:
        """Replace `run.json`; a reader finds the old record or the new one. For the holder of the lock alone."""
        write_atomic(self.record_path, record.to_bytes())

    def status(self, record: RunRecord | None = None) -> Status | Literal["killed"]:
        """Return how the run stands; ``killed`` if it says that it is running and nobody holds its lock.

        Args:
            record: what `read_record` returned a moment ago; read anew if None.

        Raises:
            RunNotFound, StoreDamaged, StoreTooNew: as `read_record`.
            OSError: it says that it is running, and its lock cannot be looked at.
        """
        status = (record or self.read_record()).status
        return "killed" if status == "running" and not FileLock.is_held(self._lock.path) else status


def _checked(option: str, name: str) -> str:
    """Return a name that can be one part of a path on every system, and of a command line."""
    if not name or len(name.encode(errors="replace")) > _LONGEST_NAME or name != name.strip() or name[0] in ".-":
        raise OptionError(
            f"{option}={name!r} cannot name a directory: give 1 to {_LONGEST_NAME} bytes that do not begin with"
            " '.' or '-', nor begin or end with a blank."
        )
    forbidden = _FORBIDDEN.search(name)
    if forbidden or not name.isprintable():
        what = repr(forbidden[0]) if forbidden else "something that cannot be printed"
        raise OptionError(
            f"{option}={name!r} cannot name a directory: it contains {what}. Use letters, digits, '-', '_' and '.'."
            " Where runs lie is told by run_dir."
        )
    return name
