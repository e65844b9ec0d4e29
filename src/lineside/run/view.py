"""What inline callbacks see of a live run, and how they ask for something."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineside.checkpoints.writer import CheckpointStore
from lineside.control import Kind, Origin, Request, RequestQueue
from lineside.data_wait import DataWait
from lineside.dispatch.dispatcher import Dispatcher
from lineside.dispatch.guard import Bound
from lineside.dispatch.snapshot import Identity
from lineside.events import Event
from lineside.language import language
from lineside.letterbox import Letterbox
from lineside.metrics import Averages, Metrics, MetricTable, Scalar
from lineside.ports import Alert, AlertPayload, BatchSource, CallbackInfo, Host, Level, MediumKind, ModelPort, Stage
from lineside.progress import Progress
from lineside.run.media import encoded
from lineside.run.tally import Tally
from lineside.run.validation_weights import ValidationWeights
from lineside.sink import Medium
from lineside.trials import Trials
from lineside.voice import Voice

if TYPE_CHECKING:
    from lineside.run.wiring import Wiring


log = logging.getLogger("lineside")

_LONGEST_TEXT = 30_000
"""Characters of an alert that are delivered."""
_LEVELS: Mapping[Level, int] = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class LiveView(Voice):
    """The reading and asking side of a run; `Run` adds the lifecycle.

    Everything here is called on the training thread, except `request`, `raise_alert`, `publish` and
    `publish_medium`, which snapshots use from threads of their own.
    """

    # What every batch touches lies side by side, and not scattered over a dictionary.
    __slots__ = (
        *("_progress", "requests", "_batch", "batch_data", "outputs", "raw_loss"),
        *("_mail", "_in_batch", "_batch_values", "_look_at", "tally"),
    )

    host_port: Host
    identity: Identity
    checkpoints: CheckpointStore
    wiring: Wiring
    dispatcher: Dispatcher
    rank = 0
    world_size = 1

    def __init__(self) -> None:
        self._progress = Progress()
        self._look_at = 0.0
        self.tally: Tally | None = None
        self.requests = RequestQueue(self.wake)
        self.table = MetricTable()
        self.batch_table = MetricTable()
        self.averages = Averages()
        self.history: dict[str, list[float]] = {}
        self.stage: Stage = "train"
        self.has_validation: bool | None = None
        self._batch = 0
        self.total_batches: int | None = None
        self.batch_data: Any = None
        self.outputs: Any = None
        self.raw_loss: Any = None
        self.feeding: BatchSource | None = None
        self.fed: Mapping[str, Any] | None = None
        self._data_wait: DataWait | None = None
        self.reason: str | None = None
        self.summary: str | None = None
        self.save_seconds: float | None = None
        self.validation_weights = ValidationWeights()
        self._mail: Letterbox[Callable[[], None]] = Letterbox(self.wake)
        self._torn_down = False
        self._in_batch = False
        self._batch_values: dict[str, Scalar] = {}
        self._retention: list[Any] = []

    # ---- reading -------------------------------------------------------------------------------------------------

    @property
    def project(self) -> str:
        """The project that the run belongs to."""
        return self.identity.project

    @property
    def name(self) -> str:
        """The run's unique name, which is that of its directory."""
        return self.identity.name

    @property
    def dir(self) -> Path:
        """The run's directory."""
        return self.identity.dir

    @property
    def host(self) -> str:
        """Name of the training engine."""
        return self.identity.host

    @property
    def attempt(self) -> int:
        """1 for the first process, one more for each that resumed the run."""
        return self.identity.attempt

    @property
    def hparams(self) -> Mapping[str, Any]:
        """The hyper-parameters."""
        return self.identity.hparams

    @property
    def callbacks(self) -> Sequence[CallbackInfo]:
        """Names and options of all callbacks."""
        return self.identity.callbacks

    @property
    def progress(self) -> Progress:
        """The counters of the run, and its place in the epoch."""
        if self.tally:
            self.count()
        return self._progress

    @property
    def batch(self) -> int:
        """Micro-batches of this epoch before the one under way."""
        if self.tally:
            self.count()
        return self._batch

    @batch.setter
    def batch(self, batch: int) -> None:
        self._batch = batch

    def count(self) -> None:
        """Count the batches that a bridge has put aside."""
        raise NotImplementedError

    @property
    def epoch(self) -> int:
        """Current epoch, from 0."""
        return self.progress.epoch

    @property
    def total_epochs(self) -> int | None:
        """Planned number of epochs, where known."""
        return self.progress.total_epochs

    @property
    def epochs_done(self) -> int:
        """Epochs whose training part is over."""
        return self.progress.epochs_done

    @property
    def step(self) -> int:
        """Optimizer steps since the start of training, across attempts."""
        return self.progress.step

    @property
    def total_steps(self) -> int | None:
        """Planned number of optimizer steps, where known."""
        return self.progress.total_steps

    @property
    def batches_done(self) -> int:
        """Training batches since the start of training, across attempts."""
        return self.progress.batches_done

    @property
    def samples(self) -> int:
        """Training samples since the start of training, across attempts."""
        return self.progress.samples

    @property
    def elapsed(self) -> float:
        """Seconds of training, across attempts; pauses are not counted."""
        return self.progress.elapsed

    @property
    def metrics(self) -> Metrics:
        """The newest values of the epoch, by canonical name or alias."""
        return self.table.view

    @property
    def batch_metrics(self) -> Metrics:
        """The values of the batch."""
        return self.batch_table.view

    @property
    def lr(self) -> Mapping[str, float]:
        """Learning rate per parameter group, as the optimizer uses it."""
        return self.host_port.lr()

    @property
    def model(self) -> ModelPort:
        """The model."""
        return self.host_port.model

    @property
    def optimizers(self) -> Mapping[str, Any]:
        """The framework's own optimizers by name."""
        return self.host_port.optimizers

    @property
    def schedulers(self) -> Sequence[str]:
        """Kinds of the schedulers that there are."""
        return self.host_port.schedulers

    def add_scheduler(self, scheduler: Any) -> None:
        """Have a scheduler's state saved and resumed; in ``on_setup``."""
        self.host_port.add_scheduler(scheduler)

    @property
    def scheduled_lr(self) -> Mapping[str, float]:
        """Learning rate per parameter group by schedule, with nothing put on top."""
        return self.host_port.scheduled_lr()

    @property
    def loss(self) -> Any:
        """The loss of the batch, on its device, without the graph that led to it."""
        detach = getattr(self.raw_loss, "detach", None)
        return self.raw_loss if detach is None else detach()

    @loss.setter
    def loss(self, loss: Any) -> None:
        self.raw_loss = loss

    @property
    def validated_with(self) -> str:
        """Which weights made the newest validation: ``raw``, or the name of the callback that put others in."""
        return self.validation_weights.newest

    # ---- publishing ----------------------------------------------------------------------------------------------

    def log(self, values: Mapping[str, Any]) -> None:
        """Publish metrics: numbers, or tensors of one element, which are not synchronised.

        Within a batch they are values of the batch, and their sample-weighted mean becomes the value of the epoch;
        elsewhere they are values of the epoch at once.
        """
        progress = self._progress
        if self._in_batch:
            self.batch_table.publish(values, progress.step, progress.epoch, self.stage, self._batch_values)
        else:
            published = self.table.publish(values, progress.step, progress.epoch, self.stage)
            if published:
                self.wiring.records.keep([(progress.step, progress.epoch, time.time(), published)])

    def publish(self, values: Mapping[str, Any], author: str) -> None:
        """Publish values from another thread; they become metrics where the mail is next opened.

        Raises:
            OptionError: a value is not a number; here, where its author can be blamed.
        """
        checked = MetricTable(self.host_port.freeze).publish(values, self.step, self.epoch)
        self._mail.append(lambda: self.log(checked))

    def publish_medium(self, kind: MediumKind, tag: str, data: Any) -> None:
        """Hand a text, picture or file to all sinks."""
        self.wiring.records.keep(media=[Medium(kind, tag, encoded(kind, data), self.step, self.epoch, time.time())])

    def raise_alert(self, alert: Alert) -> None:
        """Put an alert into the log, the outbox and the mail, from any thread.

        When this returns, what is to be delivered of a durable one is on the disk.
        """
        log.log(_LEVELS[alert.level], "%s", f"{alert.title}: {alert.text}" if alert.text else alert.title)
        self._post_alert(alert)

    def _post_alert(self, alert: Alert) -> None:
        self.wiring.post.alert(alert, self._payload(alert))
        self._mail.append(lambda: self._show_alert(alert))

    def _payload(self, alert: Alert) -> AlertPayload:
        return {
            "title": alert.title,
            "text": alert.text[:_LONGEST_TEXT],
            "level": alert.level,
            "author": alert.author,
            "phase": alert.phase,
            "plot": alert.plot,
            "project": self.project,
            "run": self.name,
            "host": self.host,
            "machine": socket.gethostname(),
            "attempt": self.attempt,
            "step": self.step,
            # Behind the last epoch there is none to come.
            "epoch": self.epoch if self.total_epochs is None else max(0, min(self.epoch, self.total_epochs - 1)),
            "time": time.time(),
            "language": language(),
        }

    def _show_alert(self, alert: Alert) -> None:
        self.record("alert", {"title": alert.title, "text": alert.text, "level": alert.level, "author": alert.author})
        if not self._torn_down:
            self.dispatcher.emit(Event.ALERT, alert)

    def record(self, kind: str, data: Mapping[str, Any]) -> None:
        """Write an event into the store, in the background."""
        self.wiring.store.event(kind, self.step, self.epoch, data)

    def report_failure(self, title: str, text: str, hook: Bound) -> None:
        """Tell people that a callback failed, which is in the log; from any thread. Not of a failing ``on_alert``."""
        if hook.method != Event.ALERT.hook:
            self._post_alert(Alert(title, text, "warning", hook.callback.name))

    def open_mail(self) -> None:
        """Do what other threads, and hooks that raised an alert, left for the training thread.

        What is left meanwhile waits for the next time: an ``on_alert`` that raises alerts must not go on for ever.
        """
        for _ in range(len(self._mail)):
            self._mail.popleft()()

    def wake(self) -> None:
        """Have the training thread look, at the end of the batch, at what was left for it; from any thread."""
        self._look_at = 0.0
        if self.tally is not None:
            self.tally.wake()

    # ---- asking --------------------------------------------------------------------------------------------------

    @property
    def _author(self) -> str:
        hook = self.dispatcher.current
        return hook.callback.name if hook is not None else "loop"

    def _ask(self, kind: Kind, reason: str, **arguments: Any) -> None:
        origin: Origin = "callback" if self.dispatcher.current is not None else "loop"
        self.request(Request(kind, reason, self._author, origin, arguments))

    def request(self, request: Request) -> None:
        """Put a request where the next safe point finds it; from any thread."""
        self.requests.append(request)

    def schedule_lr(self, value: float, group: str | int | None = None) -> None:
        """Say what the scheduled rate of a group, or of every group, is from now on."""
        self.host_port.schedule_lr(value, group)

    def scale_lr(self, factor: float) -> None:
        """Multiply all scheduled rates, until the calling callback gives another factor."""
        self.host_port.scale_lr(factor, self._author)

    def trials(self) -> AbstractContextManager[Trials]:
        """Try training steps, and take them back; see `Run`."""
        raise NotImplementedError

    def validate_with(self, weights: Mapping[str, Any]) -> None:
        """Put other weights into the model until this validation is over, however it ends."""
        self.validation_weights.put_in(self.model, weights, self._author, self.stage)

    def measure_data_wait(self) -> DataWait:
        """Measure from now on, in this attempt, how long training waits for its batches."""
        self._data_wait = self._data_wait or DataWait()
        return self._data_wait

    def feed_of(self, source: BatchSource) -> Iterator[Any]:
        """Return the batches that this epoch still needs, measured if somebody asked how long they take."""
        feed = source.batches(self.progress.epoch, self.progress.position)
        if self._data_wait is None:
            return feed
        return self._data_wait.measured(feed, source.workers, lambda: self.progress.elapsed)

    def retain(self, *policies: Any) -> None:
        """Add retention policies."""
        self._retention.extend(policies)
        self.checkpoints.set_retention(self._retention)

    def offload(
        self,
        target: str,
        arguments: Mapping[str, Any],
        key: str | None = None,
        *,
        at_end: bool = False,
        figure: str | None = None,
    ) -> None:
        """Run a function in the helper process; returns at once."""
        deliver = None if figure is None else partial(self._publish_drawn, figure, self.step, self.epoch, time.time())
        self.wiring.helper.submit(target, arguments, key, at_end=at_end, deliver=deliver)

    def _publish_drawn(self, tag: str, step: int, epoch: int, now: float, picture: bytes) -> None:
        """Hand a figure that the helper process has drawn to all sinks, as of when it was asked for."""
        self.wiring.records.keep(media=[Medium("figure", tag, picture, step, epoch, now)])
