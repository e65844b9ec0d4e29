"""`FakeRun`: a training without a model, for testing callbacks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Self, Unpack

from lineside.callback import Callback
from lineside.dispatch.items import batch_name
from lineside.events import Event
from lineside.metrics import Averages, candidates, canonical
from lineside.sink import Sink
from lineside.testing.clock import FakeClock
from lineside.testing.fake_rehearsal import FakeRehearsal
from lineside.testing.fake_view import FakeRunOptions

Values = Mapping[str, float]

_COUNTERS = ("epoch", "step", "batch", "epochs_done", "batches_done", "samples", "total_epochs")


def falling_loss(epoch: int) -> dict[str, float]:
    """Return metrics of a training that goes well: both losses fall with each epoch."""
    return {"train/loss": 1.0 / (epoch + 1), "val/loss": 1.5 / (epoch + 1)}


class FakeRun(FakeRehearsal):
    """A run whose metrics the test makes up, and whose requests it reads.

    Each verb plays the training on to the event it is named after, through all events before it: ``batch_end``,
    ``val_end``, ``epoch_end``, ``train_end``, or a whole training with ``play``. Requests are applied at safe points,
    as in a real run: learning rates change, checkpoints are committed (in memory), a stop ends the training::

        run = FakeRun(callbacks=[EarlyStopping(patience=1)])
        run.epoch_end(val_loss=0.3)
        run.epoch_end(val_loss=0.4)
        assert run.stopped

    The options give what callbacks read: see `lineside.ports.RunView`. Each batch takes a second on the fake clock.
    """

    def __init__(self, callbacks: Sequence[Callback | str] = (), **options: Unpack[FakeRunOptions]) -> None:
        super().__init__(callbacks, **options)
        self._averages = Averages()
        self._position = 0
        self._epoch_started = 0.0
        self._in_epoch = self._started = False
        self._resumed_from: Mapping[str, Any] | None = None

    # ---- the training --------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Play to the end of ``on_train_start``; the other verbs do it by themselves."""
        if self._started:
            return
        self._started = True
        self.emit(Event.SETUP)
        if self._resumed_from is not None:
            self._load(self._resumed_from)
        self.emit(Event.TRAIN_START)
        self.settle()

    def batch_end(
        self,
        values: Values | None = None,
        /,
        *,
        data: Any = None,
        outputs: Any = None,
        stepped: bool = True,
        **named: float,
    ) -> None:
        """Play one batch, and the safe point behind it.

        Args:
            values: metrics of the batch, by name; names that are Python identifiers may be given as keywords.
            data: `run.batch_data` during the batch.
            outputs: `run.outputs` after the forward pass.
            stepped: whether the optimizer steps; False while gradients are accumulated.
            named: more metrics.
        """
        self._open_epoch()
        published = {**(values or {}), **named}
        if self._rehearsals and self._rehearse(published):
            return
        self.batch = self._position
        self._body(lambda: published, outputs, data, stepped=stepped)
        self.batches_done += 1
        self.samples += self._batch_size
        self.clock.advance(1.0)
        self._position += 1
        self.emit(Event.BATCH_END)
        logged = self._forget_batch()
        self._averages.add(logged, self._batch_size)
        self._write_row({batch_name(name): value for name, value in logged.items()})
        if stepped:
            self.settle()

    def val_end(self, values: Values | None = None, /, **named: float) -> None:
        """Play a validation in the middle of an epoch, and the safe point behind it."""
        self._open_epoch()
        self._validate({**(values or {}), **named})
        self.settle()

    def epoch_end(self, values: Values | None = None, /, *, late: Collection[str] = (), **named: float) -> None:
        """Play the rest of the epoch, and the safe point behind it.

        Args:
            values: metrics of the epoch, by name. Those of validation are published by a validation, which takes place
                if there are any; the others at the end of the training part, and in each batch before it.
            late: the names of values that come only after ``on_val_end``, as some hosts have it.
            named: more metrics.
        """
        for _ in self._epoch({**(values or {}), **named}, late):
            pass

    def train_end(self) -> None:
        """End the training: ``on_train_end``, the requests made there, ``on_teardown``."""
        self.start()
        self.reason = self._stop_reason or "all epochs are done"
        self.emit(Event.TRAIN_END)
        self.settle()
        self.emit(Event.TEARDOWN)

    def fail(self, error: BaseException) -> None:
        """End the training by a failure: ``on_exception`` and ``on_teardown``; the error is not raised here."""
        self.start()
        self.reason = f"{type(error).__name__}: {error}"
        self.emit(Event.EXCEPTION, error)
        self.emit(Event.TEARDOWN)

    def play(self, epochs: int, metrics: Callable[[int], Values] = falling_loss, *, late: Collection[str] = ()) -> Self:
        """Play a whole training, from where the run stands, until all epochs are done or somebody stops it.

        Args:
            epochs: how many there are, those before a resume included.
            metrics: gives the metrics of an epoch, counted from 0.
            late: as for `epoch_end`.
        """
        for _ in self.safe_points(epochs, metrics, late=late):
            pass
        self.train_end()
        return self

    def safe_points(
        self, epochs: int, metrics: Callable[[int], Values] = falling_loss, *, late: Collection[str] = ()
    ) -> Iterator[Self]:
        """Play all epochs, and yield at each safe point: ``states = [run.state() for _ in run.safe_points(3)]``."""
        self.start()
        self.total_epochs = epochs
        self.total_steps = epochs * self._batches_per_epoch if self.total_batches is not None else None
        while self._in_epoch or (self.epochs_done < epochs and not self.stopped):
            yield from self._epoch(metrics(self.epoch if self._in_epoch else self.epochs_done), late)

    def _open_epoch(self) -> None:
        self.start()
        if not self._in_epoch:
            self._in_epoch = True
            self.epoch, self._position, self.batch = self.epochs_done, 0, 0
            self._averages.clear()
            self._epoch_started = self.clock.monotonic()
            self.emit(Event.EPOCH_START)

    def _epoch(self, values: Values, late: Collection[str]) -> Iterator[Self]:
        self._open_epoch()
        of_validation = {name: value for name, value in values.items() if canonical(name).startswith("val/")}
        of_training = {name: value for name, value in values.items() if name not in of_validation}
        in_time = _without(of_training, late)
        in_batches = {name: value for name, value in in_time.items() if canonical(name).startswith("train/")}
        while self._position < self._batches_per_epoch and not self.stopped:
            self.batch_end(in_batches)
            yield self
        if self.stopped and self._position == 0:
            # Stopped before its first batch, the epoch counts as none.
            self._in_epoch = False
            return
        self.epochs_done += 1
        self.log({**self._averages.means(), **in_time, **self._named_rates()})
        self.emit(Event.TRAIN_EPOCH_END)
        if of_validation:
            self._validate(of_validation, late)
        arrived = _without(values, late)
        self.log({name: value for name, value in values.items() if name not in arrived})
        self.log({"time/epoch": self.clock.monotonic() - self._epoch_started})
        self.emit(Event.EPOCH_END)
        self.emit(Event.FIT_EPOCH_END)
        self._in_epoch = False
        self.settle()
        # As in a real run: after the safe point an epoch counts as over.
        self.epoch = self.epochs_done
        yield self

    def _named_rates(self) -> dict[str, float]:
        rates = self.lr
        named = {f"lr/{name}": rate for name, rate in rates.items()} if len(rates) > 1 else {}
        return named | {"lr": next(iter(rates.values()))}

    def _validate(self, values: Values, late: Collection[str] = ()) -> None:
        self._last_validation = values
        self.stage, batch = "val", self.batch
        try:
            self.emit(Event.VAL_START)
            for index, (data, outputs) in enumerate(self._validation):
                self.batch, self.batch_data = index, data
                self.emit(Event.VAL_BATCH_START)
                self.outputs = outputs
                self.emit(Event.VAL_BATCH_END)
                self.batch_data = self.outputs = None
            self.log(_without(values, late))
            self.emit(Event.VAL_END)
        finally:
            self._validation_weights.take_out("val")
            self.stage, self.batch = "train", batch

    # ---- saving and resuming -------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint made at this safe point would hold, for `resumed`."""
        for callback in self._cast:
            if isinstance(callback, Sink):
                self._deliver(callback)  # what was logged before the save is part of a sink's state
        return copy.deepcopy(
            {
                "counters": {name: getattr(self, name) for name in _COUNTERS},
                "attempt": self.attempt,
                "elapsed": self.elapsed,
                "clock": self.clock.monotonic(),
                "position": (self._in_epoch, self._position),
                "stopped": self._stop_reason,
                "rates": self._rates.state_dict(),
                "schedulers": [one.state_dict() for one in self._added_schedulers],
                "metrics": self._table.state_dict(),
                "batch_metrics": self._batch_table.state_dict(),
                "validated_with": self.validated_with,
                "averages": self._averages.state_dict(),
                "validation": self._last_validation,
                "checkpoints": (self.pins, self._tagged),
                "triggers": {name: trigger.mark for name, trigger in self._triggers.items()},
                "callbacks": {one.name: (one.state_dict(), dict(one.state_tensors())) for one in self._cast},
                "pending": [],
            }
        )

    @classmethod
    def resumed(
        cls, state: Mapping[str, Any], callbacks: Sequence[Callback | str] = (), **options: Unpack[FakeRunOptions]
    ) -> Self:
        """Return a new attempt of a run, which goes on where `state` was taken.

        Args:
            state: from `state`, or from a checkpoint of another `FakeRun`.
            callbacks: new ones; they get the state of those that bore their names.
            options: as for the constructor; counters and learning rates come from the state, and so does the time
                unless a clock is given.
        """
        if "clock" not in options:
            clock = options["clock"] = FakeClock()
            clock.advance(state["clock"])
        run = cls(callbacks, **options)
        run.attempt = state["attempt"] + 1
        run._resumed_from = copy.deepcopy(dict(state))
        return run

    def _load(self, state: Mapping[str, Any]) -> None:
        for name, value in state["counters"].items():
            setattr(self, name, value)
        self._elapsed_before = state["elapsed"]
        self._in_epoch, self._position = state["position"]
        self._stop_reason = state["stopped"]
        self._rates.load_state_dict(state["rates"])
        for scheduler, saved in zip(self._added_schedulers, state["schedulers"], strict=True):
            scheduler.load_state_dict(saved)
        self._table.load_state_dict(state["metrics"])
        self._batch_table.load_state_dict(state["batch_metrics"])
        self._validation_weights.newest = state["validated_with"]
        self._averages.load_state_dict(state["averages"])
        self._last_validation = state["validation"]
        self.pins, self._tagged = state["checkpoints"]
        for name, mark in state["triggers"].items():
            if name in self._triggers:
                self._triggers[name].mark = mark
        for callback in self._cast:
            plain, tensors = state["callbacks"].get(callback.name, (None, {}))
            if plain is not None:
                callback.load_state_dict(plain)
            if tensors:
                callback.load_state_tensors(tensors)
        for request in state["pending"]:
            self._waiting.append(request)


def _without(values: Values, late: Collection[str]) -> dict[str, float]:
    """Return the values but those whose name, or an alias of it, is among the late ones."""
    hidden = {known for name in late for known in candidates(name)}
    return {name: value for name, value in values.items() if name not in late and canonical(name) not in hidden}
