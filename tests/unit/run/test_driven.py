from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lineside.callback import Callback
from lineside.control import Kind, Request
from lineside.errors import RunStateError
from lineside.ports import RunView
from lineside.run import Run
from lineside.run.driven import DrivenRun
from lineside.run.plain_host import PlainHost
from lineside.run.safe_points import Interrupted
from lineside.testing.trace import Sighting, TraceRecorder

EPOCHS, BATCHES = 3, 2


class EpochHost(PlainHost):
    """A framework that cannot enter an epoch in its middle."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "framework"
        self.capabilities = type(self.capabilities)(
            self.capabilities.events, self.capabilities.abilities - {"resume_in_epoch"}, self.capabilities.reasons
        )


@pytest.fixture
def drive(run_dir: Path) -> Callable[..., DrivenRun]:
    def make(*callbacks: Any, **options: Any) -> DrivenRun:
        return DrivenRun(callbacks=callbacks, **{"run_dir": run_dir, "host": EpochHost(), **options})

    return make


def fit(run: DrivenRun, epochs: int = EPOCHS, *, stop_at: tuple[int, int] | None = None) -> None:
    """Play a framework: it calls back, and looks at `stopping` where it can stop."""
    run.open()
    run.train_start(epochs=epochs)
    for epoch in range(run.epoch, epochs):
        run.epoch_start(epoch)
        for batch in range(BATCHES):
            if stop_at == (epoch, batch):
                return
            run.batch_start([1.0, 2.0])
            run.log({"loss": 1.0 / (1 + run.step)})
            run.stepped()
            run.batch_end(None, size=2)
            if run.stopping:
                break
        run.train_epoch_end()
        run.evaluation_start("val")
        run.evaluation_batch_start([1.0])
        run.log({"loss": 0.5 / (1 + epoch)})
        run.evaluation_batch_end(1)
        run.evaluation_end()
        run.epoch_end()
        if run.stopping:
            break
    run.train_end()
    run.close()


def pulled(run: Run, epochs: int = EPOCHS) -> None:
    with run:
        for epoch in run.epochs(epochs):
            for _ in run.batches([[1.0, 2.0]] * BATCHES):
                run.log({"loss": 1.0 / (1 + run.step)})
                run.stepped()
            with run.validation():
                for _ in run.batches([[1.0]]):
                    run.log({"loss": 0.5 / (1 + epoch)})


def save_here(run: RunView) -> None:
    run.save("periodic")


class Counts(Callback):
    """Counts epochs, and asks for something at one of them."""

    on_error = "raise"

    def __init__(self, ask: Callable[[RunView], None] | None = None, at: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.ask, self.at, self.count = ask, at, 0

    def on_setup(self, run: RunView) -> None:
        self.count = 0

    def on_epoch_end(self, run: RunView) -> None:
        self.count += 1
        if self.ask is not None and run.epoch == self.at:
            self.ask(run)

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count}

    def load_state_dict(self, state: Any) -> None:
        self.count = state["count"]


def test_what_a_framework_calls_is_what_a_loop_of_ones_own_shows(
    drive: Callable[..., DrivenRun], run_dir: Path
) -> None:
    driven, own = TraceRecorder(), TraceRecorder()
    fit(run := drive(driven))
    pulled(loop := Run(callbacks=[own], run_dir=run_dir))
    assert driven.trace == own.trace
    assert run.history.keys() == loop.history.keys()
    assert run.history["train/loss"] == loop.history["train/loss"]
    assert run.reason == loop.reason


def test_a_stop_ends_it(drive: Callable[..., DrivenRun]) -> None:
    run = drive(Counts(lambda run: run.stop("enough")))
    fit(run)
    assert run.epochs_done == 2
    assert run.reason == "enough"


def test_the_frameworks_own_means_replace_those_of_the_batches(drive: Callable[..., DrivenRun]) -> None:
    run = drive()
    run.open()
    run.train_start(epochs=1)
    run.epoch_start(0)
    for _ in range(2):
        run.batch_start()
        run.log({"loss": 1.0})
        run.stepped()
        run.batch_end(None, size=1)
    run.train_epoch_end({"loss": 0.25, "accuracy": 0.75})
    run.evaluation_start("val")
    run.evaluation_batch_start()
    run.log({"loss": 3.0})
    run.evaluation_batch_end(1)
    run.evaluation_end({"loss": 0.125})
    run.epoch_end({"late": 1.0})
    run.train_end()
    run.close()
    values = {name: run.history[name] for name in ("train/loss", "train/accuracy", "val/loss", "train/late")}
    assert values == {"train/loss": [0.25], "train/accuracy": [0.75], "val/loss": [0.125], "train/late": [1.0]}


def test_a_validation_before_the_end_of_the_batches_is_one_in_mid_epoch(drive: Callable[..., DrivenRun]) -> None:
    recorder = TraceRecorder()
    run = drive(recorder)
    run.open()
    run.train_start(epochs=1)
    run.epoch_start(0)
    run.batch_start()
    run.stepped()
    run.batch_end(None, size=1)
    run.evaluation_start("val")
    run.evaluation_end({"loss": 1.0})
    run.batch_start()
    run.batch_end(None, size=1)
    run.train_end("that was all")
    run.close()
    events = recorder.events
    assert events.index("on_val_end") < events.index("on_train_epoch_end")
    assert events.count("on_batch_end") == 2
    assert run.reason == "the one epoch is done"


def test_a_run_resumes_at_the_end_of_an_epoch(drive: Callable[..., DrivenRun]) -> None:
    whole, killed, again = TraceRecorder(), Counts(save_here), Counts()
    fit(drive(whole))
    fit(first := drive(killed), stop_at=(2, 1))
    first.fail(RuntimeError("the machine died"))
    recorder = TraceRecorder()
    fit(second := drive(again, recorder, resume="auto"))
    assert second.resumed
    assert again.count == EPOCHS
    assert _training(recorder.trace) == [one for one in _training(whole.trace) if one.epoch == 2]


def _training(trace: list[Sighting]) -> list[Sighting]:
    return [one for one in trace if one.event.hook.startswith(("on_epoch", "on_batch", "on_val", "on_step"))]


def test_without_one_the_epoch_begins_anew_and_the_log_says_so(
    drive: Callable[..., DrivenRun], caplog: pytest.LogCaptureFixture
) -> None:
    run = drive()
    run.open()
    run.train_start(epochs=1)
    run.epoch_start(0)
    run.batch_start()
    run.stepped()
    run.request(Request(Kind.INTERRUPT, "SIGTERM", "signal", "signal", {"signal": 15}))
    with pytest.raises(Interrupted) as ended:
        run.batch_end(None, size=1)
    assert ended.value.code == 143
    with caplog.at_level(logging.WARNING):
        fit(again := drive(resume="auto"), epochs=1)
    assert "the epoch begins anew" in caplog.text
    assert (again.batches_done, again.step) == (3, 3)


def test_an_interrupt_in_mid_epoch_leaves_the_checkpoint_of_the_last_epochs_end(
    drive: Callable[..., DrivenRun],
) -> None:
    run = drive(Counts(save_here, at=0))
    fit(run, stop_at=(1, 1))
    run.request(Request(Kind.INTERRUPT, "SIGTERM", "signal", "signal", {"signal": 15}))
    run.batch_start()
    run.stepped()
    with pytest.raises(Interrupted):
        run.batch_end(None, size=1)
    again = drive(Counts(), resume="auto")
    again.open()
    assert (again.epoch, again.step, again.progress.phase) == (1, BATCHES, "fresh")
    again.close()


def test_another_epoch_than_that_of_the_checkpoint_is_refused(drive: Callable[..., DrivenRun]) -> None:
    fit(first := drive(Counts(save_here, at=0)), stop_at=(1, 1))
    first.fail(RuntimeError("the machine died"))
    second = drive(Counts(), resume="auto")
    second.open()
    second.train_start(epochs=EPOCHS)
    with pytest.raises(RunStateError, match=r"goes on with epoch 1 and the run .* with epoch 2"):
        second.epoch_start(0)
    assert second.closed


def test_a_framework_may_begin_at_a_later_epoch(drive: Callable[..., DrivenRun]) -> None:
    run = drive()
    run.open()
    run.train_start(epochs=6)
    run.epoch_start(5)
    run.epoch_end()
    run.train_end()
    run.close()
    assert run.epoch == 6


@pytest.mark.parametrize("validated", [False, True])
def test_a_framework_may_begin_an_epoch_anew(drive: Callable[..., DrivenRun], validated: bool) -> None:
    recorder = TraceRecorder()
    run = drive(recorder)
    run.open()
    run.train_start(epochs=1)
    run.epoch_start(0)
    for loss in (8.0, 1.0):
        run.batch_start([1.0])
        run.log({"loss": loss})
        run.stepped()
        run.batch_end(None, size=1)
        if loss == 8.0:
            if validated:
                run.train_epoch_end()
            run.epoch_anew()
    run.epoch_end()
    run.train_end()
    run.close()
    assert run.metrics["train/loss"] == 1.0
    assert (run.step, run.epochs_done, run.epoch) == (2, 1, 1)
    assert [one.batch for one in recorder.trace if one.event.hook == "on_batch_end"] == [0, 0]
    assert recorder.events.count("on_epoch_start") == recorder.events.count("on_epoch_end") == 1


@pytest.mark.parametrize("where", ["on_batch_start", "on_batch_end", "on_val_start", "on_epoch_end", "on_train_end"])
def test_a_callback_that_must_not_fail_ends_it(drive: Callable[..., DrivenRun], where: str) -> None:
    def fail(self: Callback, run: RunView) -> None:
        raise ValueError("boom")

    recorder = TraceRecorder()
    culprit = type("Culprit", (Callback,), {where: fail})(on_error="raise")
    run = drive(recorder, culprit)
    with pytest.raises(ValueError, match="boom"):
        fit(run)
    assert recorder.events[-2:] == ["on_exception", "on_teardown"]
    assert run.closed


def test_a_failure_of_the_framework_is_shown_and_closes_the_run(drive: Callable[..., DrivenRun]) -> None:
    recorder = TraceRecorder()
    run = drive(recorder)
    run.open()
    run.train_start(epochs=1)
    run.epoch_start(0)
    run.evaluation_start("val")
    run.fail(RuntimeError("out of memory"))
    run.close()
    assert recorder.events[-2:] == ["on_exception", "on_teardown"]
    assert run.stage == "train"


def test_a_run_that_cannot_open_is_closed(drive: Callable[..., DrivenRun]) -> None:
    run = drive("no-such-callback")
    with pytest.raises(Exception, match="no-such-callback"):
        run.open()
    assert run.closed
    run.close()
