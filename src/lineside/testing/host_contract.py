"""What every host must do: the suite that runs the same toy training in each and compares what callbacks see."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import Any

from lineside.callback import Callback
from lineside.callbacks.alert import Alert
from lineside.checkpoints.checkpoint import Checkpoint
from lineside.errors import AttachError
from lineside.events import Event
from lineside.outbox.standing import OutboxStanding
from lineside.ports import Route, RunView
from lineside.store.reader import RunReader
from lineside.testing.lifecycle import Point, points, prediction, training
from lineside.testing.requiring import require
from lineside.testing.toy import BATCHES, EPOCHS, LEARNING_RATE, expected_values
from lineside.testing.toy_callbacks import (
    Asks,
    CountsCalls,
    CountsEpochs,
    KeepsAlerts,
    KeepsCheckpoints,
    KeepsRates,
    KeepsValues,
    RaisesEverywhere,
)
from lineside.testing.trace import TraceRecorder


class HostContract:
    """A suite for pytest.

    Subclass it, name the class ``Test…``, and say how the toy training of `lineside.testing.toy` is run::

        class TestMyHost(HostContract):
            def fit(self, callbacks, *, epochs, **options):
                trainer = MyTrainer(callbacks=[my_bridge(callbacks, **options)])
                trainer.fit(...)

    Attributes:
        lacking: points that the host declares not to have.
        stops_in_epoch: it can end an epoch in its middle.
        calls_in_a_batch: so many functions of Lineside a batch may call, the publishing of its values included, where
            names that are seen for the first time are checked.
        tolerance: how far values of metrics may be from those of plain double precision, relative.
    """

    lacking: frozenset[Event] = frozenset({Event.EXPORT_START, Event.EXPORT_END})
    stops_in_epoch = True
    tolerance = 1e-4
    calls_in_a_batch = 24

    def fit(self, callbacks: Sequence[Callback | str], *, epochs: int, **options: Any) -> None:
        """Train the toy; `options` are those of all hosts: ``run_dir``, ``resume``, ``project``, ``name``, ``seed``."""
        raise NotImplementedError(f"{type(self).__name__} must define fit(callbacks, *, epochs, **options)")

    def predict(self, callbacks: Sequence[Callback | str], **options: Any) -> None:
        """Predict the validation's points with a new toy, without a training before."""
        raise NotImplementedError(f"{type(self).__name__} must define predict(callbacks, **options)")

    # ---- what is seen --------------------------------------------------------------------------------------------

    def test_one_trace(self, tmp_path: Path) -> None:
        """Events, order, epoch, step, batch and names of metrics are those of the lifecycle."""
        recorder = TraceRecorder()
        self.fit([recorder], epochs=EPOCHS, run_dir=tmp_path)
        _same(points(recorder.trace), training(EPOCHS, self.lacking))
        ends = recorder.events[0], recorder.events[-1]
        require(ends == ("on_setup", "on_teardown"), f"The first and the last event are {ends}.")

    def test_one_trace_of_a_prediction(self, tmp_path: Path) -> None:
        """A prediction has its own events, and no others."""
        recorder = TraceRecorder()
        self.predict([recorder], run_dir=tmp_path)
        _same(points(recorder.trace), [one for one in prediction() if one.hook not in self._lacking])

    def test_it_declares_what_it_lacks(self, tmp_path: Path) -> None:
        """A callback that needs a point which is not there is refused when it is attached, with both names."""
        for event in self.lacking:
            needy = type("Needy", (Callback,), {event.hook: _hook_of(event)})()
            try:
                self.fit([needy], epochs=1, run_dir=tmp_path)
            except AttachError as refusal:
                require("needy" in str(refusal), f"The refusal must name the callback: {refusal}")
                require(event.hook in str(refusal), f"The refusal must name the hook: {refusal}")
            else:
                raise AssertionError(f"A callback with {event.hook}, which this host lacks, was accepted.")

    def test_values_are_fresh_and_right(self, tmp_path: Path) -> None:
        """At the end of an epoch its values are those of this very epoch and step, and the same in all hosts."""
        seen = KeepsValues()
        self.fit([seen], epochs=EPOCHS, run_dir=tmp_path)
        for epoch, (wanted, values) in enumerate(zip_longest(expected_values(), seen.values)):
            for name, right in wanted.items():
                value, step, of_epoch = values[name]
                require(
                    (step, of_epoch) == ((epoch + 1) * BATCHES, epoch), f"{name} is of step {step}, epoch {of_epoch}"
                )
                close = abs(value - right) <= self.tolerance * abs(right)
                require(close, f"{name} in epoch {epoch}: {value}, not {right}")

    def test_a_batch_that_nobody_looks_at_costs_few_calls(self, tmp_path: Path) -> None:
        """Where no callback has a hook in batches a batch calls few functions of Lineside."""
        counter = CountsCalls()
        self.fit([counter], epochs=1, run_dir=tmp_path)
        calls = counter.in_each(BATCHES)
        require(sum(calls.values()) <= self.calls_in_a_batch, f"A batch calls {calls}.")

    def test_batches_that_nobody_looks_at_leave_the_same(self, tmp_path: Path) -> None:
        """The counters and what is written down are those of a training in which somebody looks at each batch."""
        left = []
        for watching in ([], [TraceRecorder()]):
            counters, directories = list[tuple[int, ...]](), list[Path]()

            def look(run: RunView, counters: Any = counters, directories: Any = directories) -> None:
                counters.append((run.step, run.batch, run.batches_done, run.samples))
                directories.append(run.dir)

            looks = [Asks(look, Event.FIT_EPOCH_END, epoch=epoch, name=f"looks-{epoch}") for epoch in range(EPOCHS)]
            self.fit([*looks, *watching], epochs=EPOCHS, run_dir=tmp_path, seed=1)
            with RunReader.open(directories[0]) as reader:
                series = {name: reader.series(name) for name in reader.metric_names() if name.startswith("batch/")}
            left.append((counters, {name: (list(one.steps), list(one.values)) for name, one in series.items()}))
        (counters, unseen), (right, seen) = left
        require(counters == right, f"At the ends of epochs the counters were {counters}, not {right}.")
        require(unseen.keys() == seen.keys() != set(), f"Names: {sorted(unseen)}, not {sorted(seen)}.")
        for name, (steps, values) in unseen.items():
            require(steps == seen[name][0], f"{name} is of steps {steps}, not {seen[name][0]}.")
            for value, other in zip(values, seen[name][1], strict=True):
                require(abs(value - other) <= self.tolerance * abs(other), f"{name}: {value}, not {other}")

    # ---- what can be done ----------------------------------------------------------------------------------------

    def test_a_stop_at_the_end_of_an_epoch(self, tmp_path: Path) -> None:
        """The training ends there, through its end hooks."""
        recorder = TraceRecorder()
        self.fit([Asks(_stop, Event.EPOCH_END, epoch=1), recorder], epochs=EPOCHS, run_dir=tmp_path)
        _same(points(recorder.trace), training(2, self.lacking))

    def test_a_stop_within_an_epoch(self, tmp_path: Path) -> None:
        """The batch ends, then come validation, epoch hooks and end hooks."""
        if not self.stops_in_epoch:
            return
        recorder = TraceRecorder()
        self.fit([Asks(_stop, Event.BATCH_END, epoch=1, batch=1), recorder], epochs=EPOCHS, run_dir=tmp_path)
        trained = [(one.epoch, one.batch) for one in points(recorder.trace) if one.hook == "on_batch_end"]
        require(trained == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1)], f"Batches that were trained: {trained}")
        behind = recorder.events[recorder.events.index("on_train_end") - 3 :]
        require(behind[:3] == ["on_epoch_end", "on_fit_epoch_end", "on_checkpoint"], f"Behind the stop came {behind}.")

    def test_a_stop_within_an_epoch_that_nobody_looks_at(self, tmp_path: Path) -> None:
        """What is asked for before the first batch is done at its end, also where no callback has a hook in it."""
        if not self.stops_in_epoch:
            return
        done = list[int]()
        ends = Asks(lambda run: done.append(run.batches_done), Event.TRAIN_END, epoch=1)
        late = Asks(lambda run: done.append(run.batches_done), Event.TRAIN_END, epoch=2, name="late")
        self.fit([Asks(_stop, Event.EPOCH_START, epoch=1, name="stops"), ends, late], epochs=EPOCHS, run_dir=tmp_path)
        require(done == [BATCHES + 1], f"{done} batches were trained, and should be [{BATCHES + 1}].")

    def test_a_learning_rate(self, tmp_path: Path) -> None:
        """A rate that is set holds from the next step on, and is read back."""
        rates = KeepsRates()
        self.fit([Asks(lambda run: run.set_lr(LEARNING_RATE / 4), Event.EPOCH_END), rates], epochs=2, run_dir=tmp_path)
        right = [LEARNING_RATE] * BATCHES + [LEARNING_RATE / 4] * BATCHES
        require(len(rates.seen) == len(right), f"Rates at the ends of batches: {rates.seen}")
        require(all(abs(a - b) < 1e-7 for a, b in zip(rates.seen, right, strict=True)), f"{rates.seen}, not {right}")

    def test_a_checkpoint(self, tmp_path: Path) -> None:
        """One that is asked for is committed, sound, and of the right moment."""
        keeper = KeepsCheckpoints()
        self.fit([Asks(lambda run: run.save("mine"), Event.EPOCH_END), keeper], epochs=2, run_dir=tmp_path)
        mine = next(one for one in keeper.seen if "mine" in one.tags)
        checkpoint = Checkpoint.open(mine.path)
        checkpoint.verify()
        require((checkpoint.step, checkpoint.manifest.epoch) == (BATCHES, 0), f"It is of step {checkpoint.step}.")

    def test_a_validation_that_is_asked_for(self, tmp_path: Path) -> None:
        """It takes place between two batches; a host that declares not to can goes on without it."""
        recorder, declared = TraceRecorder(), list[bool]()

        def ask(run: Any) -> None:
            declared.append("validate" in run.host_port.capabilities.abilities)
            run.validate("now")

        self.fit([Asks(ask, Event.BATCH_END, batch=1), recorder], epochs=2, run_dir=tmp_path)
        validations = [(one.epoch, one.step) for one in recorder.trace if one.event is Event.VAL_START]
        usual = [(0, BATCHES), (1, 2 * BATCHES)]
        right = [(0, 2), *usual] if declared[0] else usual
        require(validations == right, f"Validations took place at {validations}, and should at {right}.")

    def test_a_pause(self, tmp_path: Path) -> None:
        """The training waits until somebody unpauses it."""
        recorder = TraceRecorder()
        self.fit([Asks(_pause_a_moment, Event.EPOCH_END), recorder], epochs=2, run_dir=tmp_path)
        _same(points(recorder.trace), training(2, self.lacking))

    def test_an_alert_outlives_the_training(self, tmp_path: Path) -> None:
        """One that has a route is on the disk when it returns, and waits there when nobody can be reached."""
        waiting: list[int] = []
        directories: list[Path] = []

        def alert(run: RunView) -> None:
            run.alert("the toy is on fire")
            waiting.append(OutboxStanding.read(run.dir).waiting)
            directories.append(run.dir)

        asking = Asks(alert, Event.EPOCH_END)
        asking.routes = [Route("$NOBODY_TO_REACH")]
        self.fit([asking], epochs=1, run_dir=tmp_path)
        require(waiting == [1], f"Behind run.alert {waiting} deliveries waited, not [1].")
        (queue,) = OutboxStanding.read(directories[0]).queues
        require("NOBODY_TO_REACH is not set" in str(queue.detail), f"It was not tried: {queue}")

    def test_a_rule_tells_what_it_sees(self, tmp_path: Path) -> None:
        """Alerts on the validation, on the batches and on the end are told alike, and ask for the same."""
        keeper = KeepsAlerts()
        rules = [
            Alert("val/loss > -1", name="epochs", plot=False),
            Alert("train/loss < 1e9", name="batches", every="1 step", then="save", plot=False),
            Alert("run-finished", name="finished"),
        ]
        self.fit([*rules, keeper], epochs=EPOCHS, run_dir=tmp_path)
        told = [one for one in keeper.seen if one[0] in ("epochs", "batches", "finished")]
        right = [("batches", "begin"), ("epochs", "begin"), ("finished", "once")]
        require(told == right, f"Alerts were {told}, not {right}.")
        require("batches" in keeper.tags, f"The rule asked for a checkpoint; there are {keeper.tags}.")

    def test_a_callback_that_raises_everywhere_disturbs_nobody(self, tmp_path: Path) -> None:
        """The others see every event."""
        recorder = TraceRecorder()
        self.fit([RaisesEverywhere(), recorder], epochs=EPOCHS, run_dir=tmp_path)
        _same(points(recorder.trace), training(EPOCHS, self.lacking))

    def test_an_error_that_ends_the_run(self, tmp_path: Path) -> None:
        """It comes out of the host's own call, after ``on_exception`` and ``on_teardown``."""
        recorder = TraceRecorder()
        culprit = Asks(_fail, Event.BATCH_END, epoch=1, on_error="raise")
        try:
            self.fit([culprit, recorder], epochs=EPOCHS, run_dir=tmp_path)
        except RuntimeError as error:
            require("boom" in str(error), f"Another error came out: {error!r}")
        else:
            raise AssertionError("The error did not come out of the training.")
        require(recorder.events[-2:] == ["on_exception", "on_teardown"], f"It ended with {recorder.events[-2:]}.")

    def test_a_resumed_run_ends_where_the_uninterrupted_one_does(self, tmp_path: Path) -> None:
        """Callbacks go on with their state, and the values of the epochs behind are the same."""
        whole, counting = KeepsValues(), CountsEpochs()
        self.fit([whole, counting, *_saves()], epochs=EPOCHS, run_dir=tmp_path / "whole")
        with suppress(RuntimeError):
            self.fit(
                [CountsEpochs(), *_saves(), Asks(_fail, Event.BATCH_END, epoch=2, batch=1, on_error="raise")],
                epochs=EPOCHS,
                run_dir=tmp_path / "cut",
            )
        rest, again = KeepsValues(), CountsEpochs()
        self.fit([rest, again, *_saves()], epochs=EPOCHS, run_dir=tmp_path / "cut", resume="auto")
        require(again.epochs == counting.epochs == EPOCHS, f"{again.epochs} epochs were counted, not {EPOCHS}.")
        for name in ("train/loss", "val/loss"):
            one, other = rest.values[-1][name], whole.values[-1][name]
            require(one[1:] == other[1:], f"{name} is of {one[1:]} after the resume, not of {other[1:]}")
            require(abs(one[0] - other[0]) <= self.tolerance * abs(other[0]), f"{name}: {one[0]}, not {other[0]}")

    @property
    def _lacking(self) -> set[str]:
        return {event.hook for event in self.lacking}


def _same(seen: Sequence[Point], right: Sequence[Point]) -> None:
    for number, (one, other) in enumerate(zip_longest(seen, right), start=1):
        require(one == other, f"Event {number} is {one}; it should be {other}.")


def _saves() -> list[Callback]:
    return [
        Asks(lambda run: run.save("periodic"), Event.EPOCH_END, epoch=epoch, name=f"saves-{epoch}") for epoch in (0, 1)
    ]


def _stop(run: RunView) -> None:
    run.stop("that was enough")


def _fail(_: RunView) -> None:
    raise RuntimeError("boom")


def _pause_a_moment(run: RunView) -> None:
    run.pause("a moment")
    threading.Timer(0.05, run.unpause, ["go on"]).start()


def _hook_of(event: Event) -> Callable[..., None]:
    return _with_payload if event.payload else _without_payload


def _without_payload(self: Callback, run: RunView) -> None:
    """Be there."""


def _with_payload(self: Callback, run: RunView, payload: Any) -> None:
    """Be there."""
