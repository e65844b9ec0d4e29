"""What is asked of a run, when it is applied, and what is written down of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lineside.control import Kind
from lineside.run import Run, safe_points
from lineside.store import Inbox
from tests.unit.run.steered import Door, SteeredHost, operator
from tests.unit.run.toys import (
    Made,
    MakeRun,
    Trace,
    answers,
    ask,
    status,
    train,
    validate,
)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_points, "PAUSE_POLL", 0.001)


# ---- order ----------------------------------------------------------------------------------------------------------


def test_one_safe_point_applies_in_one_order(make_run: MakeRun) -> None:
    def everything(run: Any) -> None:
        run.stop("enough")
        run.save("manual")
        run.validate()
        run.set_lr(0.5)
        run.restore("first", weights_only=True)

    host = SteeredHost(validate=lambda: validate(run))
    saves = ask("saves", "on_train_start", lambda run: run.save("first"))
    trace = Trace(lambda run: list(host.done))
    with make_run(saves, ask("asks", "on_batch_end", everything), trace, host=host) as run:
        train(run)
    assert host.done == ["restore", ("set_lr", 0.5), "validate"]
    at_save = next(done for hook, done in reversed(trace.seen) if hook == "on_val_end")
    assert at_save == host.done
    assert [kind for kind, author, _ in answers(run) if author == "asks"] == [
        *("restore", "set_lr", "validate", "save", "stop")
    ]
    assert {outcome for _, author, outcome in answers(run) if author == "asks"} == {"applied at step 1"}
    assert run.reason == "enough"


def test_requests_are_applied_when_every_callback_has_seen_the_event(make_run: MakeRun) -> None:
    asks = ask("asks", "on_batch_end", lambda run: run.set_lr(0.5))
    seen: list[tuple[int, float]] = []
    spy = Made("spy", on_batch_end=lambda run: seen.append((run.step, run.lr["0"])))
    with make_run(asks, spy, host=SteeredHost()) as run:
        train(run, epochs=1)
    assert seen == [(1, 0.1), (2, 0.5)]


def test_at_the_end_of_an_epoch_they_follow_on_fit_epoch_end(make_run: MakeRun) -> None:
    asks = ask("asks", "on_epoch_end", lambda run: run.set_lr(0.5))
    seen: list[float] = []
    spy = Made("spy", on_fit_epoch_end=lambda run: seen.append(run.lr["0"]))
    with make_run(asks, spy, host=SteeredHost()) as run:
        train(run)
    assert seen == [0.1, 0.5]


def test_an_operator_beats_callbacks(make_run: MakeRun) -> None:
    def both(run: Run) -> None:
        run.request(operator(Kind.SET_LR, value=0.7))

    asks = ask("asks", "on_batch_end", lambda run: run.set_lr(0.5))
    with make_run(ask("bridge", "on_batch_end", both), asks, host=(host := SteeredHost())) as run:
        train(run, epochs=1)
    assert host.done == [("set_lr", 0.7)]
    assert answers(run) == [
        ("set_lr", "asks", "refused: ada set another rate at the same step"),
        ("set_lr", "ada", "applied at step 1"),
    ]


def test_the_same_request_twice_is_applied_once(make_run: MakeRun) -> None:
    request = operator(Kind.SET_LR, value=0.7)
    asks = ask("bridge", "on_batch_end", lambda run: run.request(request), once=False)
    with make_run(asks, host=(host := SteeredHost())) as run:
        train(run)
    assert host.done == [("set_lr", 0.7)]


def test_requests_of_hooks_that_a_save_fires_come_in_a_further_round(make_run: MakeRun) -> None:
    asks = ask("asks", "on_batch_end", lambda run: run.save())
    reacts = Made("reacts", on_checkpoint=lambda run, checkpoint: run.set_lr(run.step / 10))
    with make_run(asks, reacts, host=(host := SteeredHost())) as run:
        train(run, epochs=1, batches=[1.0, 2.0, 3.0], validation=None)
    assert host.done[0] == ("set_lr", 0.1)
    assert answers(run)[:2] == [("save", "asks", "applied at step 1"), ("set_lr", "reacts", "applied at step 1")]


def test_an_endless_exchange_goes_on_at_the_next_safe_point(make_run: MakeRun) -> None:
    asks = ask("asks", "on_batch_end", lambda run: run.save())
    again = Made("again", on_checkpoint=lambda run, checkpoint: run.save("again"))
    with make_run(asks, again) as run:
        train(run, epochs=1, batches=[1.0, 2.0, 3.0], validation=None)
    steps = [outcome.rpartition(" ")[2] for kind, _, outcome in answers(run) if outcome.startswith("applied")]
    assert steps[:6] == ["1", "1", "2", "2", "3", "3"]


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (lambda run: run.set_lr(0.1), "this run has no model"),
        (lambda run: run.validate(), "pass validate="),
        (lambda run: run.restore("best"), "has no checkpoint 'best'"),
        (lambda run: run.restore("x" * 30), "has no checkpoint"),
        (lambda run: run.save(file="weights.pt"), "this run has no model"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason_and_training_goes_on(
    make_run: MakeRun, what: Callable[[Any], None], why: str
) -> None:
    alerts: list[Any] = []
    spy = Made("spy", on_alert=lambda run, alert: alerts.append(alert))
    with make_run(ask("asks", "on_batch_end", what), spy) as run:
        train(run)
    (answer,) = answers(run)
    assert answer[2].startswith("refused: ")
    assert why in answer[2]
    assert [alert.author for alert in alerts] == ["asks"]
    assert "was refused" in alerts[0].title
    assert run.step == 4
    assert status(run) == "completed"


def test_one_refused_file_does_not_spoil_the_save_of_another(make_run: MakeRun) -> None:
    bad = ask("bad", "on_batch_end", lambda run: run.save("bad", file=str(run.dir / "weights.exe")))
    good = ask("good", "on_batch_end", lambda run: run.save("good", file=str(run.dir / "weights.txt")))
    seen: list[Any] = []
    spy = Made(
        "spy",
        on_checkpoint=lambda run, checkpoint: seen.append((checkpoint.tags, (run.dir / "weights.txt").read_text())),
    )
    with make_run(bad, good, spy, host=SteeredHost()) as run:
        train(run)
    assert seen[0] == (("good",), "weights")
    assert answers(run) == [
        ("save", "bad", "refused: no .exe files here"),
        ("save", "good", "applied at step 1"),
    ]


# ---- stop ----------------------------------------------------------------------------------------------------------


def test_a_stop_ends_the_batch_then_validation_hooks_and_save(make_run: MakeRun) -> None:
    with make_run(ask("asks", "on_batch_end", lambda run: run.stop("enough")), trace := Trace()) as run:
        train(run, epochs=5)
    assert trace.seen[6:] == [
        "on_train_epoch_end",
        *("on_val_start", "on_val_batch_start", "on_val_batch_end", "on_val_end"),
        *("on_epoch_end", "on_fit_epoch_end", "on_checkpoint", "on_train_end", "on_teardown"),
    ]
    assert (run.step, run.reason, status(run)) == (1, "enough", "stopped")


def test_skorch_a_stop_is_a_keyboard_interrupt_and_later_callbacks_lose_on_epoch_end(make_run: MakeRun) -> None:
    asks, later = ask("asks", "on_epoch_end", lambda run: run.stop("enough")), Trace()
    with make_run(asks, later) as run:
        train(run, epochs=5)
    assert later.seen[-5:] == ["on_epoch_end", "on_fit_epoch_end", "on_checkpoint", "on_train_end", "on_teardown"]
    assert "on_exception" not in later.seen
    assert status(run) == "stopped"


def test_the_first_stop_is_the_reason(make_run: MakeRun) -> None:
    first = ask("first", "on_batch_end", lambda run: run.stop("too slow"))
    second = ask("second", "on_epoch_end", lambda run: run.stop("no improvement"))
    with make_run(first, second) as run:
        train(run)
    assert run.reason == "too slow"
    assert [outcome for _, _, outcome in answers(run)] == ["applied at step 1"] * 2


def test_a_stop_without_a_reason_names_who_asked(make_run: MakeRun) -> None:
    with make_run(ask("impatient", "on_batch_end", lambda run: run.stop(""))) as run:
        train(run)
    assert run.reason == "stopped by impatient"


def test_a_stop_before_the_first_epoch_leaves_no_epoch(make_run: MakeRun) -> None:
    with make_run(ask("asks", "on_setup", lambda run: run.stop("not today")), trace := Trace()) as run:
        train(run)
    assert trace.seen == ["on_setup", "on_train_start", "on_checkpoint", "on_train_end", "on_teardown"]
    assert run.history == {}


def test_the_loop_may_ask_as_well(make_run: MakeRun) -> None:
    with make_run() as run:
        train(run, do=lambda run, value: run.stop("seen enough"))
    assert answers(run) == [("stop", "loop", "applied at step 1")]


def test_what_comes_too_late_is_refused(make_run: MakeRun) -> None:
    with make_run(
        ask("late", "on_teardown", lambda run: None), ask("asks", "on_train_end", lambda run: run.stop("x"))
    ) as run:
        train(run)
        run.set_lr(0.1)
    assert answers(run) == [("stop", "asks", "applied at step 4"), ("set_lr", "loop", "refused: the run is over")]


def test_a_restore_asked_for_at_the_end_of_training_is_applied(make_run: MakeRun) -> None:
    saves = ask("saves", "on_epoch_end", lambda run: run.save("best"))
    restores = ask("restores", "on_train_end", lambda run: run.restore("best"))
    with make_run(saves, restores, host=(host := SteeredHost())) as run:
        train(run)
    assert len(host.done) == 1
    assert answers(run)[-1] == ("restore", "restores", "applied at step 4")


# ---- from outside ----------------------------------------------------------------------------------------------------


def test_a_request_from_outside_is_applied_recorded_and_taken_away(make_run: MakeRun) -> None:
    with make_run(host=(host := SteeredHost())) as run:
        door, inbox = Door(run), Inbox(run.dir / "inbox")
        inbox.post("set_lr", {"value": 0.5}, "too fast", "ada")
        assert door.come_in.wait(20)
        train(run)
    assert host.done == [("set_lr", 0.5)]
    assert answers(run) == [("set_lr", "ada", "applied at step 0")]
    assert list((run.dir / "inbox").glob("*.json")) == []


def test_a_stop_from_outside_is_final(make_run: MakeRun) -> None:
    with make_run() as run:
        door = Door(run)

        def wait(run: Run, value: float) -> None:
            Inbox(run.dir / "inbox").post("stop", {}, "seen enough", "ada")
            assert door.come_in.wait(20)

        train(run, do=wait)
    assert (run.step, run.reason, status(run)) == (1, "seen enough", "stopped")


def test_a_refused_request_from_outside_is_answered_too(make_run: MakeRun) -> None:
    with make_run() as run:
        door = Door(run)
        Inbox(run.dir / "inbox").post("validate", {}, "curious", "ada")
        assert door.come_in.wait(20)
        train(run)
    assert answers(run) == [("validate", "ada", "refused: pass validate=, a function that runs a validation, to Run")]
    assert list((run.dir / "inbox").glob("*.json")) == []


def test_an_outcome_is_written_down_before_the_request_leaves_the_inbox(make_run: MakeRun) -> None:
    order: list[str] = []
    with make_run(host=SteeredHost()) as run:
        recorder, inbox = run.wiring._recorder, run.wiring._inbox
        commit, done = recorder.commit, inbox.done
        recorder.commit = lambda: (order.append("commit"), commit())[1]
        inbox.done = lambda request_id: (order.append("done"), done(request_id))[1]
        door = Door(run)
        Inbox(run.dir / "inbox").post("set_lr", {"value": 0.5}, "", "ada")
        assert door.come_in.wait(20)
        train(run)
    assert order[order.index("done") - 1] == "commit"
