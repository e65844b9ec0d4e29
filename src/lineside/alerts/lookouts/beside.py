"""What is looked at by the clock, from a thread beside the training: disk, GPUs, and whether the training moves."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import ClassVar, Final

from lineside.alerts.lookout import Lookout, Tell
from lineside.alerts.rule import Rule
from lineside.callback import Hook
from lineside.errors import MissingDependency, OptionError
from lineside.events import Event
from lineside.ports import RunView
from lineside.system.gpus import Gpus
from lineside.system.sampler import Sampler
from lineside.units import Duration, Progress

log = logging.getLogger("lineside")

_UTILIZATION: Final = "/utilization_percent"


class Beside(Lookout):
    """Looks at an interval, on a thread of its own that a training which hangs does not hold up.

    The values are ``free_gib`` of the run's filesystem, the percent that each GPU is used as ``gpu0``, …, or for how
    many ``seconds`` no batch has ended by the training's own clock, which stands still in a pause.
    """

    background_only: ClassVar[bool] = True

    def __init__(self, rule: Rule, every: Duration | None, tell: Tell, owner: str) -> None:
        super().__init__(rule, every, tell, owner)
        if every is None or every.unit != "seconds":
            raise OptionError(f"{owner}: every='{every}' must be a time, such as '30 s'.")
        self._interval = float(every.amount)
        self._gauge: Callable[[], Mapping[str, float]] = dict
        self._sampler: Sampler | None = None
        self._run: RunView | None = None
        self._live: RunView | None = None

    def set_up(self, run: RunView) -> None:
        """Open what is to be looked at; `run` is the live one, which shows whether it moves."""
        self._close()
        self._live = run
        match self.rule.source:
            case "disk":
                self._gauge = lambda: {"free_gib": shutil.disk_usage(run.dir).free / 2**30}
            case "gpu":
                self._gauge = _gpus(self.owner)
            case _:
                self._gauge = _Movement(run).look

    def hooks(self) -> Mapping[Event, Hook]:
        """Begin with the training, and end with it."""
        return {
            Event.TRAIN_START: Hook(self._start),
            Event.TRAIN_END: Hook(self._end),
            Event.TEARDOWN: Hook(self._end),
        }

    def progress(self, run: RunView) -> Progress:
        """Return the live run: the snapshot with which this speaks is that of the start."""
        return self._live or run

    def _start(self, run: RunView) -> None:
        self._run = run
        self._look()
        self._sampler = Sampler(self._look, self._interval, self.owner)
        self._sampler.start()

    def _end(self, run: RunView) -> None:
        self._close()

    def _close(self) -> None:
        sampler, self._sampler = self._sampler, None
        if sampler is not None:
            sampler.close()
        self._run = None

    def _look(self) -> None:
        if (run := self._run) is not None:
            self.tell(run, self.rule.judge(self._gauge()))


class _Movement:
    """For how many seconds of training nothing has moved."""

    def __init__(self, run: RunView) -> None:
        self._run = run
        self._seen: tuple[object, ...] = ()
        self._since = 0.0

    def look(self) -> Mapping[str, float]:
        run = self._run
        seen, now = (run.stage, run.epoch, run.step, run.batch, run.batches_done), run.elapsed
        if seen != self._seen:
            self._seen, self._since = seen, now
        return {"seconds": now - self._since}


def _gpus(owner: str) -> Callable[[], Mapping[str, float]]:
    """Return what looks at the GPUs. Raises `MissingDependency` if nvidia-ml-py is not installed."""
    try:
        gpus = Gpus(import_module("pynvml"))
    except ModuleNotFoundError:
        raise MissingDependency(f"{owner}, which watches GPUs,", "nvidia-ml-py", "system") from None
    for note in gpus.notes:
        log.warning("%s: %s", owner, note)

    def look() -> Mapping[str, float]:
        read = gpus.read() if gpus.answers else {}
        return {name.removesuffix(_UTILIZATION): value for name, value in read.items() if name.endswith(_UTILIZATION)}

    return look
