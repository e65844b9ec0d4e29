"""Checkpoints that callbacks ask for: what is merged, what is kept, and what happens when the disk is full."""

from __future__ import annotations

import errno
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from lineside.checkpoints.staging import Staging
from lineside.run import Run
from tests.unit.run.toys import (
    Made,
    MakeRun,
    Trace,
    answers,
    ask,
    events,
    status,
    train,
)


class Disk:
    def __init__(self) -> None:
        self.full = False
        self.refused = 0


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """A disk that takes no checkpoint while it is full."""
    disk, write = Disk(), Staging.write_bytes

    def write_bytes(self: Staging, name: str, data: bytes) -> Any:
        if disk.full:
            disk.refused += 1
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, name, data)

    monkeypatch.setattr(Staging, "write_bytes", write_bytes)
    return disk


def checkpoints(run: Run) -> list[tuple[int, list[str]]]:
    """Return step and tags of all checkpoints that were committed, in order."""
    return [(int(data["name"].split("step")[1].split("-")[0]), data["tags"]) for data in events(run, "checkpoint")]


def test_the_last_moment_is_saved_without_anybody_asking(make_run: MakeRun) -> None:
    with make_run() as run:
        train(run)
    assert checkpoints(run) == [(4, ["last"])]
    assert run.checkpoints.last is not None
    assert (run.checkpoints.last.step, run.checkpoints.last.epoch) == (4, 1)


def test_what_was_saved_at_the_last_moment_is_not_saved_again(make_run: MakeRun) -> None:
    with make_run(ask("saves", "on_epoch_end", lambda run: run.save("mine"), once=False)) as run:
        train(run)
    assert checkpoints(run) == [(2, ["mine"]), (4, ["mine"])]


def test_weights_alone_are_no_last_checkpoint(make_run: MakeRun) -> None:
    with make_run(ask("saves", "on_epoch_end", lambda run: run.save("slim", weights_only=True), once=False)) as run:
        train(run, epochs=1)
    assert checkpoints(run) == [(2, ["slim"]), (2, ["last"])]
    assert run.checkpoints.last.has("state.json")


def test_saves_of_one_safe_point_are_one_checkpoint(make_run: MakeRun) -> None:
    both = [
        ask("a", "on_batch_end", lambda run: run.save("best", weights_only=True, pin="a")),
        ask("b", "on_batch_end", lambda run: run.save("manual", pin="b")),
        ask("c", "on_batch_end", lambda run: run.save("best")),
    ]
    seen: list[int] = []
    spy = ask("spy", "on_checkpoint", lambda run: seen.append(run.step))
    with make_run(*both, spy) as run:
        train(run, epochs=1)
    assert checkpoints(run)[0] == (1, ["best", "manual"])
    assert seen == [1]
    assert run.checkpoints.best is not None
    assert run.checkpoints.best.has("state.json")  # one of them wanted everything
    assert run.checkpoints.find("a").name == run.checkpoints.find("b").name == run.checkpoints.best.name
    assert [outcome for _, _, outcome in answers(run)] == ["applied at step 1"] * 3


def test_a_pin_moves_with_its_owner(make_run: MakeRun) -> None:
    pins = Made("pins", on_batch_end=lambda run: run.save(f"step {run.step}", pin="owner"))
    with make_run(pins) as run:
        train(run, epochs=2)
        assert run.checkpoints.find("owner").step == 4
    kept = {entry.step for entry in run.checkpoints.entries}
    assert kept == {4}


def test_best_and_last_are_never_confused(make_run: MakeRun) -> None:
    saves = Made("saves", on_epoch_end=lambda run: run.save("best" if run.epoch == 0 else "worse"))
    with make_run(saves) as run:
        train(run, epochs=3)
    assert run.checkpoints.best is not None
    assert run.checkpoints.last is not None
    assert (run.checkpoints.best.step, run.checkpoints.last.step) == (2, 6)


def test_a_callback_sees_the_checkpoint_and_its_metrics(make_run: MakeRun) -> None:
    seen: list[Any] = []
    spy = Made("spy", on_checkpoint=lambda run, checkpoint: seen.append(checkpoint))
    with make_run(ask("saves", "on_epoch_end", lambda run: run.save("mine")), spy) as run:
        train(run, epochs=2)
    first = seen[0]
    assert (first.step, first.epoch, tuple(first.tags)) == (2, 0, ("mine",))
    assert first.path.name == first.name
    assert first.metrics["val/loss"].value == 3.0
    assert (first.metrics["val/loss"].step, first.metrics["val/loss"].epoch) == (2, 0)


# ---- a full disk -----------------------------------------------------------------------------------------------------


def test_a_full_disk_costs_a_checkpoint_and_not_the_training(make_run: MakeRun, disk: Disk) -> None:
    disk.full = True
    alerts: list[Any] = []
    spy = Made("spy", on_alert=lambda run, alert: alerts.append(alert))
    with make_run(ask("saves", "on_batch_end", lambda run: run.save("mine")), spy, trace := Trace()) as run:
        train(run, epochs=2)
    assert disk.refused > 0
    assert (run.step, run.reason, status(run)) == (4, "all 2 epochs are done", "completed")
    assert "on_checkpoint" not in trace.seen
    assert trace.seen[-3:] == ["on_train_end", "on_alert", "on_teardown"]
    assert run.checkpoints.last is None
    assert {(alert.title, alert.level, alert.author) for alert in alerts} == {
        ("A checkpoint could not be saved", "error", "run")
    }
    assert "No space left" in alerts[0].text
    first = answers(run)[0]
    assert first[:2] == ("save", "saves")
    assert first[2].startswith("refused: Writing ")


def test_a_save_that_failed_is_tried_again_at_the_end_of_the_epoch(make_run: MakeRun, disk: Disk) -> None:
    def ask_for_both(run: Any) -> None:
        disk.full = True
        run.save("first")

    two = ask("two", "on_batch_start", lambda run: run.step == 1 and run.save("second"), once=False)
    room = Made("room", on_val_end=lambda run: setattr(disk, "full", False))
    with make_run(ask("one", "on_batch_end", ask_for_both), two, room) as run:
        train(run, epochs=2)
    assert checkpoints(run) == [(2, ["first", "second"]), (4, ["last"])]
    assert [outcome.split(":")[0] for _, _, outcome in answers(run)] == [
        *("refused", "refused", "applied at step 2", "applied at step 2"),
    ]


def test_a_disk_that_stays_full_does_not_make_the_reason_longer_and_longer(make_run: MakeRun, disk: Disk) -> None:
    reasons: list[str] = []
    disk.full = True
    with make_run(ask("saves", "on_batch_end", lambda run: run.save("mine", "because"))) as run:
        record = run.record_request
        run.record_request = lambda request, outcome: (reasons.append(request.reason), record(request, outcome))[1]
        train(run, epochs=4)
    assert reasons == ["because", *["again, after a failure: because"] * 4]


def test_an_interrupt_with_a_full_disk_still_ends_the_process(make_run: MakeRun, disk: Disk) -> None:
    def fate(run: Any) -> None:
        disk.full = True
        signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SystemExit), make_run(ask("fate", "on_batch_end", fate), trace := Trace()) as run:
        train(run)
    assert trace.seen[-1] == "on_teardown"
    assert status(run) == "interrupted"


def test_how_a_run_ended_is_lost_with_a_full_disk_and_nothing_more(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with make_run() as run:
        train(run)

        def refuse(record: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(run._session.directory, "write_record", refuse)
    assert "How the run ended could not be written" in caplog.text
    assert run.history["train/loss"] == [1.5, 1.5]
    with make_run(resume=run.dir) as again:  # the lock was given back
        assert again.attempt == 2


def test_ignite_on_a_full_disk_the_old_checkpoint_is_gone_before_the_new_one_is_saved(
    make_run: MakeRun, disk: Disk
) -> None:
    def save(run: Any) -> None:
        disk.full = run.epoch == 1
        run.save("newest", pin="newest")

    with make_run(Made("saves", on_epoch_end=save)) as run:
        train(run, epochs=2)
    assert disk.refused > 0
    assert [entry.step for entry in run.checkpoints.entries] == [2]
    run.checkpoints.find("newest").verify()
