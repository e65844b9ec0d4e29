"""The reading half of a fake run, and how it shows events to callbacks."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypedDict, get_args

from lineside.callback import Callback
from lineside.data_wait import DataWait
from lineside.dispatch.snapshot import FIELDS, Identity, RunSnapshot
from lineside.errors import OptionError
from lineside.events import Event, event_of, unknown_hook
from lineside.metrics import Metrics
from lineside.ports import Alert, CallbackInfo, Capabilities, Capability, ModelPort, RunView
from lineside.run.attach import attach, described
from lineside.run.validation_weights import ValidationWeights
from lineside.sink import Records, Sink
from lineside.testing.clock import FakeClock
from lineside.testing.fake_desk import FakeDesk
from lineside.testing.fake_model import FakeModel
from lineside.testing.fake_rates import FakeRates
from lineside.testing.fake_trials import FakeTrials
from lineside.trials import Trials
from lineside.units import Trigger


class FakeRunOptions(TypedDict, total=False):
    """What callbacks read of a fake run, and how long it is.

    `batches` is the number of batches that an epoch has; it is hidden from callbacks unless the data is `sized`.
    `validation` has the batches of each validation, with what the model makes of them.
    `rehearsal` gives the metrics of batches that are rehearsed; unless given, they are those of the batch to come.
    """

    epochs: int | None
    batches: int
    batch_size: int
    sized: bool
    has_validation: bool | None
    validation: Sequence[tuple[Any, Any]]
    lr: float | Mapping[str, float]
    schedulers: Sequence[str]
    optimizers: Mapping[str, Any]
    rehearsal: Callable[[RunView], Mapping[str, float]] | None
    hparams: Mapping[str, Any] | None
    model: ModelPort | None
    trials: Trials | None
    dir: Path | None
    project: str
    name: str
    rank: int
    world_size: int
    clock: FakeClock | None


class FakeView(FakeDesk):
    """What callbacks see of a fake run; each event is shown to them here and now, on the calling thread.

    Background callbacks get a real snapshot, and sinks what was logged since they last wrote. Nothing is isolated: what
    a callback raises reaches the test.
    """

    def __init__(
        self,
        callbacks: Sequence[Callback | str] = (),
        *,
        epochs: int | None = None,
        batches: int = 2,
        batch_size: int = 4,
        sized: bool = True,
        has_validation: bool | None = True,
        validation: Sequence[tuple[Any, Any]] = ((None, None),),
        lr: float | Mapping[str, float] = 0.1,
        schedulers: Sequence[str] = (),
        optimizers: Mapping[str, Any] | None = None,
        rehearsal: Callable[[RunView], Mapping[str, float]] | None = None,
        hparams: Mapping[str, Any] | None = None,
        model: ModelPort | None = None,
        trials: Trials | None = None,
        dir: Path | None = None,  # noqa: A002 - named as the run's attribute
        project: str = "default",
        name: str = "fake",
        rank: int = 0,
        world_size: int = 1,
        clock: FakeClock | None = None,
    ) -> None:
        super().__init__(clock or FakeClock())
        self.project, self.name, self.host = project, name, "fake"
        self.rank, self.world_size = rank, world_size
        self.attempt = 1
        self.total_epochs = epochs
        self.total_steps = epochs * batches if epochs is not None and sized else None
        self.epochs_done = self.batches_done = self.samples = self.batch = 0
        self.total_batches = batches if sized else None
        self.batch_data: Any = None
        self.outputs: Any = None
        self.loss: Any = None
        self.data_wait = DataWait()
        self.has_validation = has_validation
        self.hparams = MappingProxyType(dict(hparams or {}))
        self.reason: str | None = None
        self.summary: str | None = None
        self.save_seconds: float | None = None
        self.model: ModelPort = (
            model if model is not None else FakeModel({"weight": [0.5, -0.25]}, {"weight": [0.1, 0.2]})
        )
        self._batches_per_epoch, self._batch_size = batches, batch_size
        self.optimizers = dict(optimizers or {})
        self._host_schedulers, self._added_schedulers = tuple(schedulers), list[Any]()
        self._rehearsal = rehearsal
        self._rates = FakeRates(lr if isinstance(lr, Mapping) else {"0": lr}, has_scheduler=bool(schedulers))
        self._elapsed_before, self._started_at = 0.0, self.clock.monotonic()
        self._dir = dir
        self._listed = attach(callbacks, self.host, Capabilities(frozenset(Event), frozenset(get_args(Capability))))
        self._cast = [one for one in self._listed if one.enabled and (rank == 0 or one.ranks == "all")]
        self._hooks = {callback.name: callback.hooks() for callback in self._cast}
        self._triggers = {
            f"{name}.{event.hook}": Trigger(hook.every)
            for name, hooks in self._hooks.items()
            for event, hook in hooks.items()
            if hook.every is not None
        }
        self._written: dict[str, tuple[int, int]] = {}
        self._validation_weights = ValidationWeights()
        self._validation = tuple(validation)
        self._trials: Trials = trials if trials is not None else FakeTrials()

    # ---- reading -------------------------------------------------------------------------------------------------

    @cached_property
    def dir(self) -> Path:
        """The run's directory; a temporary one, which goes with this object, unless one was given."""
        if self._dir is not None:
            self._dir.mkdir(parents=True, exist_ok=True)
            return self._dir
        path = tempfile.mkdtemp(prefix="lineside-fake-run-")
        weakref.finalize(self, shutil.rmtree, path, ignore_errors=True)
        return Path(path)

    @property
    def elapsed(self) -> float:
        """Seconds of training by the fake clock, across attempts."""
        return self._elapsed_before + self.clock.monotonic() - self._started_at

    @property
    def metrics(self) -> Metrics:
        """The newest values of the epoch."""
        return self._table.view

    @property
    def batch_metrics(self) -> Metrics:
        """The values of the batch."""
        return self._batch_table.view

    @property
    def lr(self) -> Mapping[str, float]:
        """Learning rate per parameter group."""
        return MappingProxyType(self._rates.lr())

    @property
    def scheduled_lr(self) -> Mapping[str, float]:
        """Learning rate per parameter group by schedule, with nothing put on top."""
        return MappingProxyType(self._rates.scheduled())

    @property
    def schedulers(self) -> tuple[str, ...]:
        """Kinds of the schedulers that the test named, and of those that callbacks have added."""
        return (*self._host_schedulers, *(type(one).__name__ for one in self._added_schedulers))

    def add_scheduler(self, scheduler: Any) -> None:
        """Have a scheduler's state saved and resumed."""
        self._added_schedulers.append(scheduler)

    def schedule_lr(self, value: float, group: str | int | None = None) -> None:
        """Say what the scheduled rate of a group, or of every group, is from now on."""
        self._rates.schedule(value, group)

    def scale_lr(self, factor: float) -> None:
        """Multiply all scheduled rates in the name of the calling callback."""
        self._rates.scale(factor, self._author)

    def trials(self) -> AbstractContextManager[Trials]:
        """Try steps on the machine that was given."""
        return nullcontext(self._trials)

    def measure_data_wait(self) -> DataWait:
        """Return ``data_wait``, which a test fills: a fake run has no data."""
        return self.data_wait

    @property
    def validated_with(self) -> str:
        """Which weights made the newest validation: ``raw``, or the name of the callback that put others in."""
        return self._validation_weights.newest

    def validate_with(self, weights: Mapping[str, Any]) -> None:
        """Put other weights into the model until this validation is over."""
        self._validation_weights.put_in(self.model, weights, self._author, self.stage)

    @property
    def callbacks(self) -> Sequence[CallbackInfo]:
        """Names and public options of all callbacks."""
        return described(self._listed)

    def freeze(self) -> RunSnapshot:
        """Return a snapshot, as background callbacks get it."""
        identity = Identity(
            self.project, self.name, self.dir, self.host, self.attempt, self.rank, self.world_size, self.hparams,
            self.callbacks,
        )  # fmt: skip
        *names, _ = FIELDS
        values = [*(getattr(self, name) for name in names), self._rates.lr()]
        return RunSnapshot(self, identity, values, self._table.copied(), self._batch_table.copied())

    # ---- showing events ------------------------------------------------------------------------------------------

    def emit(self, event: Event | str, payload: Any = None) -> None:
        """Show one event to all callbacks, and then the alerts that they raised; nothing else of the run moves.

        Args:
            event: the event, or the name of its hook.
            payload: what the hook gets as its second argument: a checkpoint, an alert or an error.

        Raises:
            OptionError: no hook has that name.
        """
        if isinstance(event, str):
            known = event_of(event)
            if known is None:
                raise OptionError(unknown_hook(event))
            event = known
        for callback in sorted(self._cast, key=lambda one: one.background):
            self._show(callback, event, payload)
        if event is not Event.ALERT:
            self._open_mail()

    def _show(self, callback: Callback, event: Event, payload: Any) -> None:
        outer, self._calling = self._calling, callback
        try:
            if isinstance(callback, Sink):
                self._deliver(callback)
            hook = self._hooks[callback.name].get(event)
            if hook is not None and self._due(callback, event):
                seen = self if hook.inline else self._seen_by(callback)
                hook.call(seen, *[payload] * (event.payload is not None))
        finally:
            self._calling = outer

    def _seen_by(self, callback: Callback) -> RunView:
        # Subclasses make it whole: the batches, and what is tried out in front of them.
        whole: Any = self
        view: RunView = self.freeze().by(callback.name) if callback.background else whole
        return view

    def _due(self, callback: Callback, event: Event) -> bool:
        trigger = self._triggers.get(f"{callback.name}.{event.hook}")
        return trigger is None or trigger.fires(self)

    def _deliver(self, sink: Sink) -> None:
        rows, media = self._written.get(sink.name, (0, 0))
        if len(self.logged) > rows or len(self.media) > media:
            self._written[sink.name] = (len(self.logged), len(self.media))
            plain = [(*row[:3], {name: float(value) for name, value in row[3].items()}) for row in self.logged[rows:]]
            sink.write(Records(plain, self.media[media:]), self._seen_by(sink))

    def _open_mail(self) -> None:
        while self._mail:
            self._mail.popleft()()

    def _show_alert(self, alert: Alert) -> None:
        self.emit(Event.ALERT, alert)
