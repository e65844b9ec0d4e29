"""What a supervisor and the processes that it starts tell each other: one file for each attempt at a command.

A script may open several runs, one after the other. The supervisor writes down which runs the earlier attempts had
opened, in their order; each process adds those that it opens. So the third run of a script goes on with what was its
third run before, and never with another one that happens to bear the same name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal, Self

from lineside.errors import OptionError
from lineside.store.append import locked_append

FILE: Final = "LINESIDE_SUPERVISED"
"""The variable that names the file."""
RESUME: Final = "LINESIDE_RESUME"
"""``auto`` makes ``resume=None`` mean ``"auto"``, for those who start a command again by their own means."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A run that a process opened.

    Attributes:
        run: its directory.
        project: its project.
        name: the name that was given, or ``run``.
        when: ``before``, by an earlier attempt, or ``now``, by this one.
    """

    run: str
    project: str
    name: str
    when: Literal["before", "now"] = "now"

    def is_like(self, other: Opened) -> bool:
        """Tell whether another run has the same project and name."""
        return (self.project, self.name) == (other.project, other.name)


class Handover:
    """The file of one attempt. Making this object reads and writes nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of_this_process(cls, environment: Mapping[str, str] | None = None) -> Self | None:
        """Return the file that this process writes into; None where nobody supervises it."""
        path = (os.environ if environment is None else environment).get(FILE)
        return cls(Path(path)) if path else None

    def entries(self) -> list[Opened]:
        """Return all runs of the file; a line that is not one of ours is passed over."""
        found: list[Opened] = []
        with suppress(OSError):
            for line in self.path.read_bytes().splitlines():
                with suppress(ValueError, TypeError):
                    found.append(Opened(**json.loads(line)))
        return found

    def opened(self) -> list[Opened]:
        """Return the runs that this attempt has opened, in their order."""
        return [entry for entry in self.entries() if entry.when == "now"]

    def add(self, entry: Opened) -> None:
        """Write a run down.

        Raises:
            OSError: the file cannot be written.
        """
        locked_append(self.path, json.dumps(asdict(entry)).encode() + b"\n")

    def earlier(self, project: str, name: str) -> Path | None:
        """Return the run that an earlier attempt opened at this place of the script; None where there was none."""
        wanted, entries = Opened("", project, name), self.entries()
        at = sum(entry.when == "now" and entry.is_like(wanted) for entry in entries)
        before = [entry for entry in entries if entry.when == "before" and entry.is_like(wanted)]
        return Path(before[at].run) if at < len(before) else None

    def next(self, path: Path) -> Handover:
        """Begin the file of the next attempt, which knows of all runs so far."""
        following, now, taken = Handover(path), self.opened(), list[Opened]()
        for entry in self.entries():
            if entry.when == "before":
                # What this attempt opened at the same place has taken over, or was begun anew.
                fits = next((new for new in now if new.is_like(entry) and new not in taken), entry)
                taken.append(fits)
                following.add(Opened(fits.run, fits.project, fits.name, "before"))
        for entry in now:
            if entry not in taken:
                following.add(Opened(entry.run, entry.project, entry.name, "before"))
        return following


def resumes_by_itself(environment: Mapping[str, str] | None = None) -> bool:
    """Tell whether ``LINESIDE_RESUME`` asks for ``resume="auto"`` where nothing else is said.

    Raises:
        OptionError: the variable says something else.
    """
    asked = (os.environ if environment is None else environment).get(RESUME)
    if asked in (None, "", "auto"):
        return asked == "auto"
    raise OptionError(f"{RESUME}={asked!r} is unknown: use auto, or unset it. A run is named by resume= in the code.")
