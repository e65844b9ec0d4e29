"""Looking after one run: its heartbeat and its disk, each told when it begins to fail and when that is over."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from lineside.errors import RunNotFound, StoreError
from lineside.store.directory import RunDirectory
from lineside.store.run_record import RunRecord
from lineside.supervisor.disk import Disk
from lineside.supervisor.heartbeat import Heartbeat
from lineside.supervisor.notice import Notice, disk_full, disk_has_room, moves_again, stalled
from lineside.supervisor.settings import Settings

Tell = Callable[[Notice, RunDirectory | None], None]
"""Takes what is to be told, and of which run."""
LOOK: Final = 1.0
"""Seconds between two looks."""


class Vigil:
    """Looks after the run that a process has opened; before there is one, after the disk alone.

    Args:
        settings: the limits.
        place: where to look for room as long as there is no run.
        tell: takes what was noticed.
        clock: seconds that only ever grow.

    Attributes:
        run: the last run that it has looked at.
        record: what it has just read of it; None where no run is open.
        stalled: whether it stalls.
    """

    def __init__(self, settings: Settings, place: Path, tell: Tell, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._place = place
        self._tell = tell
        self._clock = clock
        self._disk = Disk(settings.disk_below)
        self._heartbeat = self._new_heartbeat()
        self.run: RunDirectory | None = None
        self.record: RunRecord | None = None
        self.stalled = False

    def _new_heartbeat(self) -> Heartbeat:
        return Heartbeat(self._settings.stalled_after, self._settings.silent_after, self._clock)

    def look(self, run: RunDirectory | None) -> None:
        """Look once at the run that is under way; None as long as the process has not opened one."""
        if run is not None and (self.run is None or run.path != self.run.path):
            self.over()
            self.run = run
        self.record = None
        with suppress(RunNotFound, StoreError, OSError):
            self.record = run.read_record() if run is not None else None
        self._look_at_disk()
        if self.record is not None and self.record.status == "running":
            self._look_at_heart(self.record)

    def over(self) -> None:
        """Nothing is under way any more: what comes next has a heart of its own."""
        self._heartbeat = self._new_heartbeat()
        self.stalled = False

    def _look_at_heart(self, record: RunRecord) -> None:
        seen = self._heartbeat.look(record)
        if (seen.state != "well") == self.stalled:
            return
        self.stalled = not self.stalled
        self._say(stalled(record.id, seen) if self.stalled else moves_again(record.id))

    def _look_at_disk(self) -> None:
        place = self.run.path if self.run is not None else self._place
        before = self._disk.full
        if self._disk.look(place) != before:
            self._say((disk_has_room if before else disk_full)(str(place), self._disk.left))

    def _say(self, notice: Notice) -> None:
        self._tell(notice, self.run)
