"""Callbacks beside the training line: what they see, what they may ask, and that the line does not wait for them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lineside.callback import Callback
from lineside.dispatch import background, lanes
from lineside.run import Run
from lineside.store import RunReader
from tests.unit.run.toys import (
    Gate,
    Made,
    MakeRun,
    Trace,
    ask,
    status,
    train,
)

# ---- what they see ---------------------------------------------------------------------------------------------------


def test_a_snapshot_is_the_run_as_it_was(make_run: MakeRun) -> None:
    def look(run: Any) -> Any:
        return run.epoch, run.step, run.batch, run.stage, run.samples, {**run.metrics, "time/epoch": 0}

    inline, beside = Trace(look, name="inline"), Trace(look, name="beside", background=True)
    kept: list[Any] = []
    keeper = Made("keeper", on_epoch_end=kept.append, background=True)
    with make_run(inline, beside, keeper) as run:
        train(run, epochs=3)
    assert beside.seen == inline.seen
    assert [(snapshot.epoch, snapshot.step, snapshot.metrics["val_loss"]) for snapshot in kept] == [
        (epoch, 2 * epoch + 2, 3.0) for epoch in range(3)
    ]


def test_the_model_is_out_of_reach_and_the_culprit_is_named(
    make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    with make_run(Made("curious", on_epoch_end=lambda run: run.model, background=True), trace := Trace()) as run:
        train(run)
    assert "curious.on_epoch_end raised NotInline: curious reached for run.model" in caplog.text
    assert trace.seen.count("on_epoch_end") == 2
    assert status(run) == "completed"


def test_what_an_event_carries_reaches_them_too(make_run: MakeRun) -> None:
    seen: list[Any] = []
    beside = Made(
        "beside",
        on_checkpoint=lambda run, checkpoint: seen.append((checkpoint.step, checkpoint.tags)),
        on_alert=lambda run, alert: seen.append(alert.title),
        on_exception=lambda run, error: seen.append(type(error)),
        background=True,
    )

    def fail(run: Run, value: float) -> None:
        if run.step == 3:
            raise MemoryError

    asks = ask("asks", "on_batch_end", lambda run: (run.alert("fire"), run.save("now")))
    with pytest.raises(MemoryError), make_run(beside, asks) as run:
        train(run, do=fail)
    assert seen == ["fire", (1, ("now",)), MemoryError]


# ---- what they ask ---------------------------------------------------------------------------------------------------


def test_they_may_make_requests_which_bear_their_name_and_step(make_run: MakeRun) -> None:
    asked = threading.Event()

    def stop(run: Any) -> None:
        run.stop(f"seen enough at {run.step}")
        asked.set()

    def wait(run: Run, value: float) -> None:
        assert run.step < 3 or asked.wait(20)

    with make_run(Made("beside", on_epoch_end=stop, background=True)) as run:
        train(run, epochs=5, do=wait)
    assert (run.step, run.reason) == (3, "seen enough at 2")
    with RunReader.open(run.dir) as reader:
        ((entry),) = [entry for entry in reader.requests() if entry.outcome and entry.outcome.applied]
    assert (entry.request.author, entry.request.origin, entry.request.step) == ("beside", "background", 2)


def test_what_they_log_becomes_a_metric_named_after_their_stage(make_run: MakeRun) -> None:
    logged = threading.Event()

    def log(run: Any) -> None:
        run.log({"f1": 0.5})
        run.log_text("note", f"epoch {run.epoch}")
        logged.set()

    def wait(run: Run, value: float) -> None:
        assert run.epoch == 0 or logged.wait(20)

    with make_run(Made("beside", on_val_end=log, background=True)) as run:
        train(run, do=wait)
    assert run.metrics["val/f1"] == 0.5
    with RunReader.open(run.dir) as reader:
        assert [text.text for text in reader.texts("note")] == ["epoch 0", "epoch 1"]


@pytest.mark.parametrize("values", [{"f1": "good"}, {3: 0.5}, {"f1": [0.5, 0.5]}])
def test_what_they_log_wrongly_is_their_own_failure(
    make_run: MakeRun, caplog: pytest.LogCaptureFixture, values: Mapping[str, Any]
) -> None:
    with make_run(Made("beside", on_epoch_end=lambda run: run.log(values), background=True)) as run:
        train(run)
    assert "beside.on_epoch_end raised OptionError" in caplog.text
    assert status(run) == "completed"


def test_their_alerts_and_failures_reach_inline_callbacks(make_run: MakeRun) -> None:
    raised = threading.Event()

    def alert(run: Any) -> None:
        run.alert("fire", "in the hold")
        raised.set()
        raise ValueError("and out")

    titles: list[str] = []
    spy = Made("spy", on_alert=lambda run, alert: titles.append(alert.title))
    with make_run(Made("beside", on_train_start=alert, background=True), spy) as run:
        train(run, epochs=2, do=lambda run, value: raised.wait(20))
    assert titles == ["fire", "Callback beside.on_train_start failed"]


# ---- when they are slow ----------------------------------------------------------------------------------------------


def test_batch_records_are_dropped_and_counted_exactly_and_others_arrive_in_order(
    make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    gate, seen = Gate(), []

    def see(run: Any) -> None:
        gate()
        seen.append((run.epoch, run.step, run.stage))

    hooks = dict.fromkeys(("on_batch_end", "on_epoch_end", "on_val_end"), see)
    ends = Made("ends", on_train_end=lambda run: gate.open.set())
    with make_run(Made("slow", background=True, **hooks), ends) as run:
        train(run, epochs=3, batches=range(700))
        dropped = run.dispatcher.background["slow"].lane.dropped
    assert dropped == 3 * 700 - 998  # behind the val_end and epoch_end of the first epoch there is no room for more
    assert [entry[1:] for entry in seen[:700]] == [(step, "train") for step in range(1, 701)]
    assert seen[700:702] == [(0, 700, "val"), (0, 700, "train")]
    assert len(seen) == 1000 + 4
    assert seen[1000:] == [(1, 1400, "val"), (1, 1400, "train"), (2, 2100, "val"), (2, 2100, "train")]
    assert "slow was too slow in the background: 1,102 batch records were dropped." in caplog.text


def test_what_overflows_goes_to_the_disk_of_the_run_and_stays_exact(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    directories: list[Path | None] = []
    write = lanes.Overflow._write
    monkeypatch.setattr(
        lanes.Overflow, "_write", lambda self, plain: (directories.append(self._directory), write(self, plain))[1]
    )
    gate, seen = Gate(), []

    def see(run: Any) -> None:
        gate()
        seen.append((run.epoch, run.metrics["train/loss"], run.lr, run.total_epochs))

    ends = Made("ends", on_train_end=lambda run: gate.open.set())
    with make_run(Made("slow", background=True, on_epoch_end=see), ends) as run:
        train(run, epochs=1100, batches=[1.0], validation=None)
    assert seen == [(epoch, 1.0, {}, 1100) for epoch in range(1100)]
    assert len(directories) >= 100
    assert set(directories) == {run.dir}
    assert run.dispatcher.background["slow"].lane.dropped == 0


def test_one_that_hangs_is_left_behind_when_the_run_closes(make_run: MakeRun, caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    beside = Trace(name="beside", background=True)
    with make_run(Made("hung", on_epoch_end=gate, background=True, close_timeout=0.05), beside) as run:
        train(run)
    gate.open.set()
    assert "Did not finish in time and was left behind: hung." in caplog.text
    assert beside.seen[-1] == "on_teardown"
    assert status(run) == "completed"


def test_a_save_does_not_hang_on_one_that_hangs(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(background, "STATE_TIMEOUT", 0.01)
    gate = Gate()

    class Hung(Trace):
        def see(self, event: Any, run: Any, payload: Any = None) -> None:
            if run.step == 2:
                gate()
            super().see(event, run, payload)

    hung = Hung(name="hung", background=True, close_timeout=0.05)
    saves = ask("saves", "on_batch_end", lambda run: run.save(), once=False)
    states: list[Any] = []
    spy = Made(
        "spy",
        on_checkpoint=lambda run, checkpoint: states.append(checkpoint.document("state.json")["callbacks"].get("hung")),
    )
    with make_run(hung, saves, spy) as run:
        train(run)
    gate.open.set()
    assert len(states) == 5
    assert len({str(state) for state in states}) == 1  # that of step 1
    assert "on_batch_end" in states[0]["seen"]
    assert "hung is behind; this checkpoint is with its state from an earlier moment" in caplog.text


# ---- their state -----------------------------------------------------------------------------------------------------


class Sums(Callback):
    """Adds up what it sees, beside the training."""

    background = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.total, self.steps = 0.0, []

    def on_batch_end(self, run: Any) -> None:
        self.total += run.batch_metrics["loss"]
        self.steps.append(run.step)

    def state_dict(self) -> dict[str, Any]:
        return {"total": self.total, "steps": self.steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.total, self.steps = state["total"], list(state["steps"])


def test_their_state_is_that_of_the_checkpoint_and_they_resume(make_run: MakeRun) -> None:
    with make_run(whole := Sums()) as run:
        train(run, epochs=3)
    saves = Made("saves", on_batch_end=lambda run: run.step == 3 and run.save())
    fate = Made("fate", on_batch_start=lambda run: run.step == 5 and signal.raise_signal(signal.SIGTERM))
    with pytest.raises(SystemExit), make_run(Sums(), saves, fate) as run:
        train(run, epochs=3)
    with make_run(resumed := Sums(), resume="auto") as run:
        train(run, epochs=3)
    assert (resumed.total, resumed.steps) == (whole.total, whole.steps)
    assert resumed.steps == [1, 2, 3, 4, 5, 6]
