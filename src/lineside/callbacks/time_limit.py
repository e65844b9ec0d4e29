"""Save and leave before the job's wall time ends."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, Unpack

from lineside.callback import Callback, CallbackOptions
from lineside.errors import OptionError, SlurmUnknown
from lineside.language import text
from lineside.options import check_number
from lineside.ports import CheckpointView, RunView
from lineside.slurm import job_end
from lineside.units import Duration

log = logging.getLogger("lineside")

_RESERVE = 120.0
"""Seconds that are kept back at least where `reserve` is measured: a step, and what closes behind it, take time too."""

_SAVES = 3
"""How often the newest save must fit into a reserve that is measured; a busy filesystem takes its time."""


class Timer(Protocol):
    """What is used of `threading.Timer`."""

    daemon: bool

    def start(self) -> None:
        """Begin to wait."""

    def cancel(self) -> None:
        """Do not call."""


class TimeLimit(Callback):
    """Interrupts the run in time for a last checkpoint, so that the next job goes on with ``resume="auto"``.

    What counts is the time of the job, by the clock on the wall: pauses, validations, loading and what earlier attempts
    in this job took are part of it. The run is interrupted as by SIGTERM, also in a validation or a pause: it saves,
    and the process ends with the code 75 (``EX_TEMPFAIL``). Nothing is done for it in any batch.

    Args:
        limit: how long the job lasts from when this object is made: ``"11.5 h"``, seconds or a `timedelta`. None to
            rely on Slurm.
        reserve: how long before the end to interrupt. Unless given, two minutes, or three times what the newest save
            took, if that is more.
        slurm: ask Slurm when the job ends, where this is one; with a `limit` the earlier end counts.
        clock: seconds since 1970.
        timer: calls a function after some seconds; made like a `threading.Timer`.
        options: the common ones of all callbacks; it is always in the background.

    Raises:
        OptionError: a time is not positive, or `limit` leaves nothing beside `reserve`.
    """

    background = True

    def __init__(
        self,
        limit: str | float | timedelta | None = None,
        *,
        reserve: str | float | timedelta | None = None,
        slurm: bool = True,
        clock: Callable[[], float] = time.time,
        timer: Callable[..., Timer] = threading.Timer,
        **options: Unpack[CallbackOptions],
    ) -> None:
        super().__init__(**options)
        self.limit = limit
        self.reserve = reserve
        self.slurm = slurm
        self._clock = clock
        self._new_timer = timer
        self._reserve = self._seconds("reserve", reserve) if reserve is not None else None
        lasts = self._seconds("limit", limit) if limit is not None else math.inf
        least = self._reserve if self._reserve is not None else _RESERVE
        if lasts <= least:
            raise OptionError(
                f"{self.name}: limit={limit!r} leaves no time for training: {least:g} seconds of it are kept for the "
                "last save. Give a smaller reserve=."
            )
        if not isinstance(slurm, bool):
            raise OptionError(f"{self.name}: slurm={slurm!r} must be True or False.")
        self._own_end = clock() + lasts
        self._end = math.inf
        self._timer: Timer | None = None
        self._rung = False

    def check_options(self) -> None:
        """Refuse ``background=False``; see `Callback.check_options`."""
        super().check_options()
        if not self.background:
            raise OptionError(f"{self.name}: background=False: in a pause only a thread of its own acts. Leave it out.")

    def _seconds(self, option: str, value: str | float | timedelta) -> float:
        if isinstance(value, (int, float)):
            check_number(self.name, option, value)
            if value <= 0:
                raise OptionError(f"{self.name}: {option}={value!r} must be a positive number of seconds.")
            return float(value)
        duration = Duration.parse(value, f"{self.name}: {option}")
        if duration.unit != "seconds":
            raise OptionError(f"{self.name}: {option}={value!r} must be a time, such as '11.5 h'.")
        return float(duration.amount)

    def on_setup(self, run: RunView) -> None:
        """Find out when the job ends."""
        self._disarm()
        self._rung = False
        self._end = min(self._own_end, self._end_of_job(run))
        if self._end == math.inf and self.limit is None:
            log.warning("%s has no limit to watch: neither limit= nor a Slurm job that ends gives one.", self.name)

    def _end_of_job(self, run: RunView) -> float:
        try:
            end = job_end(clock=self._clock) if self.slurm else None
        except SlurmUnknown as unknown:
            run.alert(text("The end of the job is unknown", "作业的结束时间未知"), str(unknown))
            return math.inf
        return math.inf if end is None else end

    def on_train_start(self, run: RunView) -> None:
        """Begin to wait."""
        self._arm(run)
        if self._end < math.inf:
            log.info("The job ends at %s; the run leaves %.0f s before.", _clock_time(self._end), self._kept(run))

    def on_checkpoint(self, run: RunView, checkpoint: CheckpointView) -> None:
        """Keep more time back if saving takes long."""
        if self._timer is not None and not self._rung:
            self._arm(run)

    def on_train_end(self, run: RunView) -> None:
        """The training is over in time."""
        self._disarm()

    def on_teardown(self, run: RunView) -> None:
        """The training has ended in another way."""
        self._disarm()

    def _arm(self, run: RunView) -> None:
        self._disarm()
        if self._end < math.inf:
            waits = min(max(0.0, self._end - self._kept(run) - self._clock()), threading.TIMEOUT_MAX)
            self._timer = self._new_timer(waits, self._ring, [run])
            self._timer.daemon = True
            self._timer.start()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _kept(self, run: RunView) -> float:
        return self._reserve if self._reserve is not None else max(_RESERVE, _SAVES * (run.save_seconds or 0.0))

    def _ring(self, run: Any) -> None:
        """Interrupt the run; on the timer's own thread, to which a snapshot of the run lends its voice."""
        left = self._end - self._clock()
        if left > self._kept(run):  # the clock on the wall was set back
            self._arm(run)
            return
        self._rung = True  # the save that follows is a checkpoint, too
        at = _clock_time(self._end)
        reason = text(f"the time of the job ends at {at}", f"作业的时间将于 {at} 结束")
        run.alert(
            text("The time of the job is nearly up", "作业的时间即将用完"),
            text(
                f"It ends at {at}, in {max(0.0, left):.0f} s. The run saves and leaves; resume='auto' goes on with it.",
                f"它将于 {at} 结束，还剩 {max(0.0, left):.0f} 秒。本次运行将保存并退出；用 resume='auto' 继续。",
            ),
        )
        run.interrupt(reason)


def _clock_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
