"""Watch CPU, memory, disk, network and GPUs, and name what holds the training up."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final, Unpack

from lineside.callback import Callback, CallbackOptions, Hook, Ranks
from lineside.data_wait import DataWait
from lineside.errors import OptionError, nearest
from lineside.events import Event
from lineside.language import text
from lineside.options import check_number
from lineside.ports import RunView
from lineside.reports.bottlenecks import Thresholds, bottlenecks
from lineside.reports.resources import account
from lineside.reports.usage import Tally, Usage
from lineside.system.gpus import GpuChoice
from lineside.system.meter import Meter, check_installed
from lineside.system.sampler import Sampler
from lineside.units import Duration

log = logging.getLogger("lineside")

_TITLES: Final = {
    "memory": ("Memory is nearly full", "内存将满"),
    "disk": ("The disk is nearly full", "磁盘将满"),
    "swap": ("The machine is swapping", "机器正在换页"),
    "data": ("Training waits for data", "训练在等待数据"),
}
"""What is serious enough for an alert."""

_SURE = 2
"""Looks in a row that have to find something before it is an alert."""


class ResourceMonitor(Callback):
    """Publishes what the training takes of its machine as ``system/…``, and says what to try.

    It looks at an interval, on a thread of its own: also in a step that takes long, or when training stands still. At
    the end a text of the run has the account, with a sentence for each bottleneck: "data loading takes 71 % of a step:
    raise `num_workers` above 0". What endangers the run, and much waiting for data, is an alert, once in an attempt.

    Nothing is part of a checkpoint: a resumed run may be on another machine. Ranks above zero publish under
    ``system/rank<rank>/…``.

    Args:
        every: how often to look, in time.
        disk: watch the filesystem of the run's directory.
        network: watch bytes to and from other machines.
        gpu: ``"auto"`` watches the GPUs that ``CUDA_VISIBLE_DEVICES`` leaves, if there are any; True asks for them;
            False does not look; a list names some by NVML's index or by UUID.
        max_memory_percent: from where on memory counts as full, container limits considered.
        min_disk_free_gib: from where on the disk counts as full.
        options: the common ones of all callbacks.

    Raises:
        MissingDependency: psutil is not installed; or `gpu` asks for GPUs, and nvidia-ml-py is not.
        OptionError: an option is out of range; or ``background=False``, which would look on the training thread.
    """

    background = True
    ranks: Ranks = "all"

    def __init__(
        self,
        every: str | timedelta | Duration = "10 s",
        *,
        disk: bool = True,
        network: bool = True,
        gpu: GpuChoice = "auto",
        max_memory_percent: float = 95.0,
        min_disk_free_gib: float = 5.0,
        **options: Unpack[CallbackOptions],
    ) -> None:
        super().__init__(**options)
        self.every = Duration.parse(every, f"{self.name}: every")
        self.disk = disk
        self.network = network
        self.gpu = gpu
        self.max_memory_percent = max_memory_percent
        self.min_disk_free_gib = min_disk_free_gib
        self._check()
        self._thresholds = Thresholds(max_memory_percent, min_disk_free_gib)
        self._start_anew()

    def _check(self) -> None:
        if self.every.unit != "seconds" or self.every.amount < 0.1:
            raise OptionError(f"{self.name}: every='{self.every}' must be a time of 0.1 s or more, such as '10 s'.")
        if isinstance(self.gpu, str) and self.gpu != "auto":
            raise OptionError(
                f"{self.name}: gpu={self.gpu!r}.{nearest(self.gpu, ('auto',))} Use 'auto', True, False, or a list of "
                "indices or UUIDs."
            )
        check_number(self.name, "max_memory_percent", self.max_memory_percent, least=1.0, below=100.0)
        check_number(self.name, "min_disk_free_gib", self.min_disk_free_gib, least=0.0)
        check_installed(self.gpu)

    def check_options(self) -> None:
        """Check the common options, and that nothing is looked at on the training thread."""
        super().check_options()
        if not self.background:
            raise OptionError(f"{self.name}: background=False: it looks on a thread of its own. Leave it out.")

    def _start_anew(self) -> None:
        self._wait = DataWait()
        self._waited = self._among = self._validating_since = 0.0
        self._tally = Tally()
        self._streaks: dict[str, int] = {}
        self._warned: set[str] = set()
        self._run: RunView | None = None
        self._meter: Meter | None = None
        self._sampler: Sampler | None = None

    def hooks(self) -> Mapping[Event, Hook]:
        """Return the hooks; those that deal with the training's own clock are inline, and take no time."""
        inline = (Event.SETUP, Event.VAL_START, Event.VAL_END)
        return {event: Hook(hook.call, hook.every, inline=event in inline) for event, hook in super().hooks().items()}

    # ---- on the training thread ----------------------------------------------------------------------------------

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit, and have the waiting for data measured."""
        self._start_anew()
        self._wait = run.measure_data_wait()

    def on_val_start(self, run: RunView) -> None:
        """Look at the clock: a validation between two batches belongs to none of them."""
        self._validating_since = run.elapsed

    def on_val_end(self, run: RunView) -> None:
        """Take the validation out of the time among batches."""
        if self._wait.among_batches:
            self._wait.leave_out(run.elapsed - self._validating_since)

    # ---- beside it -----------------------------------------------------------------------------------------------

    def on_train_start(self, run: RunView) -> None:
        """Look for the first time, and from now on at the interval."""
        self._run = run
        self._meter = Meter(run.dir if self.disk else None, network=self.network, gpu=self.gpu)
        self._look()
        self._sampler = Sampler(self._look, self.every.amount, self.name)
        self._sampler.start()

    def on_train_end(self, run: RunView) -> None:
        """Give the account."""
        self._conclude(run)

    def on_teardown(self, run: RunView) -> None:
        """Give the account of a training that failed or was interrupted."""
        self._conclude(run)

    def _look(self) -> None:
        """Look once, publish, and raise an alert if something is serious."""
        run, meter = self._run, self._meter
        if run is None or meter is None:
            return
        values = meter.look() | self._data()
        self._tally.add(values)
        run.log(values if run.rank == 0 else {_of_rank(name, run.rank): value for name, value in values.items()})
        for note in meter.notes():
            log.warning("%s", note)
        self._warn(run, values)

    def _data(self) -> dict[str, float]:
        """Return how much of the time among batches was waited for data since the last look."""
        wait = self._wait
        waited, among = wait.seconds + wait.first_seconds, wait.total_seconds
        share = 100.0 * (waited - self._waited) / (among - self._among) if among > self._among else None
        self._waited, self._among = waited, among
        return {} if share is None else {"system/data_wait_percent": max(0.0, min(100.0, share))}

    def _usage(self, tally: Tally) -> Usage:
        wait = self._wait
        return Usage.of(
            tally,
            seconds=wait.total_seconds,
            data_seconds=wait.seconds if wait.batches else None,
            start_seconds=wait.first_seconds,
            workers=wait.workers,
        )

    def _warn(self, run: RunView, values: Mapping[str, float]) -> None:
        now = Tally()
        now.add(values)
        # Much waiting for data is worth an alert; some of it is worth a sentence at the end.
        limits = replace(self._thresholds, data_percent=50.0, waited_seconds=60.0)
        found = {one.kind: one.sentence for one in bottlenecks(self._usage(now), limits) if one.kind in _TITLES}
        self._streaks = {kind: self._streaks.get(kind, 0) + 1 for kind in found}
        for kind, sentence in found.items():
            if self._streaks[kind] >= _SURE and kind not in self._warned:
                self._warned.add(kind)
                run.alert(text(*_TITLES[kind]), sentence)

    def _conclude(self, run: RunView) -> None:
        sampler, self._sampler = self._sampler, None
        if sampler is None:
            return
        sampler.close()
        self._look()
        self._meter = None
        usage = self._usage(self._tally)
        found = [one.sentence for one in bottlenecks(usage, self._thresholds)]
        run.log_text(self.name if run.rank == 0 else f"{self.name}/rank{run.rank}", account(self._tally, usage, found))
        for sentence in found:
            log.warning("%s", sentence)


def _of_rank(name: str, rank: int) -> str:
    return name.replace("system/", f"system/rank{rank}/", 1)
