"""Requests of an attempt that was lost are applied again at the same step, and none of them twice."""

from __future__ import annotations

from typing import Any

import pytest

from lineside.control import Kind, Request
from lineside.run import Run
from lineside.store import Inbox
from tests.unit.run.deaths import Dies, at_step, dies_at, dying
from tests.unit.run.steered import Door, SteeredHost, operator
from tests.unit.run.toys import (
    Made,
    MakeRun,
    Trace,
    answers,
    ask,
    train,
    validate,
)


def lr_by_step(seen: dict[int, float]) -> Made:
    return Made("watch", on_batch_start=lambda run: seen.__setitem__(run.step, run.lr["0"]))


def test_what_an_operator_asked_after_the_checkpoint_is_applied_again_at_the_same_step(make_run: MakeRun) -> None:
    saves = at_step(2, lambda run: run.save(), name="saves")
    rate = at_step(5, lambda run: run.request(operator(Kind.SET_LR, value=0.5)))
    dying(make_run, saves, rate, dies_at(6), host=SteeredHost())
    seen: dict[int, float] = {}
    with make_run(lr_by_step(seen), host=(host := SteeredHost()), resume="auto") as run:
        train(run, epochs=4, validation=None)
    assert host.done == [("set_lr", 0.5)]
    assert seen == {2: 0.1, 3: 0.1, 4: 0.1, 5: 0.5, 6: 0.5, 7: 0.5}
    assert answers(run) == [("save", "saves", "applied at step 2"), ("set_lr", "ada", "applied at step 5")]


def test_what_was_applied_at_the_step_of_the_checkpoint_but_behind_it_is_applied_again(make_run: MakeRun) -> None:
    saves = at_step(2, lambda run: run.save(), name="saves")
    rate = at_step(2, lambda run: run.request(operator(Kind.SET_LR, value=0.5)), hook="on_epoch_end")
    dying(make_run, saves, rate, dies_at(3), host=SteeredHost())
    seen: dict[int, float] = {}
    with make_run(lr_by_step(seen), host=(host := SteeredHost()), resume="auto") as run:
        train(run, epochs=2, validation=None)
    assert host.done == [("set_lr", 0.5)]
    assert seen == {2: 0.5, 3: 0.5}


def test_what_the_checkpoint_knows_is_not_applied_again(make_run: MakeRun) -> None:
    def both(run: Any) -> None:
        run.request(operator(Kind.SET_LR, value=0.5))
        run.save()

    dying(make_run, at_step(2, both), dies_at(3), host=SteeredHost())
    with make_run(host=(host := SteeredHost()), resume="auto") as run:
        train(run, epochs=2, validation=None)
    assert host.done == []


def test_without_a_checkpoint_everything_is_applied_again(make_run: MakeRun) -> None:
    first = ask("first", "on_train_start", lambda run: run.request(operator(Kind.SET_LR, value=0.3)))
    dying(make_run, first, dies_at(2), host=SteeredHost())
    with make_run(host=(host := SteeredHost()), resume="auto") as run:
        train(run, epochs=2, validation=None)
    assert host.done == [("set_lr", 0.3)]


def test_what_a_background_callback_asked_is_applied_again(make_run: MakeRun) -> None:
    asked = Request(Kind.SET_LR, "why", "beside", "background", {"value": 0.5}, step=2)
    dying(make_run, at_step(3, lambda run: run.request(asked)), dies_at(5), host=SteeredHost())
    seen: dict[int, float] = {}
    with make_run(lr_by_step(seen), host=SteeredHost(), resume="auto") as run:
        train(run, epochs=3, validation=None)
    assert seen == {0: 0.1, 1: 0.1, 2: 0.1, 3: 0.5, 4: 0.5, 5: 0.5}


def test_a_callback_asks_again_by_itself_and_is_not_replayed(make_run: MakeRun) -> None:
    def rate() -> Made:
        return at_step(3, lambda run: run.set_lr(0.5))

    dying(make_run, rate(), dies_at(5), host=SteeredHost())
    with make_run(rate(), host=(host := SteeredHost()), resume="auto") as run:
        train(run, epochs=3, validation=None)
    assert host.done == [("set_lr", 0.5)]


def test_a_pause_is_not_repeated(make_run: MakeRun) -> None:
    def lunch(run: Any) -> None:
        run.request(operator(Kind.PAUSE))
        record = run.record
        run.record = lambda kind, data: (record(kind, data), kind == "paused" and run.request(operator(Kind.UNPAUSE)))[
            0
        ]

    dying(make_run, at_step(3, lunch), dies_at(5))
    with make_run(resume="auto") as run:
        train(run, epochs=3, validation=None)
    assert run.step == 6


def test_a_validation_that_an_operator_asked_for_in_mid_epoch_skips_no_batch(make_run: MakeRun) -> None:
    def both(run: Any) -> None:
        run.save()
        run.request(operator(Kind.VALIDATE))

    def run_with(*callbacks: Any, **options: Any) -> Run:
        run = make_run(*callbacks, validate=lambda: validate(run), **options)
        return run

    with (
        pytest.raises(Dies),
        run_with(at_step(2, lambda run: run.save(), name="saves"), at_step(3, both), dies_at(4)) as run,
    ):
        train(run, epochs=2, batches=[1.0, 2.0, 3.0, 4.0, 5.0], validation=None)
    with run_with(trace := Trace(), resume="auto") as run:
        train(run, epochs=2, batches=[1.0, 2.0, 3.0, 4.0, 5.0], validation=None)
    assert run.step == 10
    assert run.history["train/loss"] == [3.0, 3.0]
    assert trace.seen.count("on_val_end") <= 1


def test_an_answered_request_that_lies_in_the_inbox_still_is_not_applied_again(make_run: MakeRun) -> None:
    with make_run(host=SteeredHost()) as run:
        door, inbox = Door(run), Inbox(run.dir / "inbox")
        inbox.post("set_lr", {"value": 0.5}, "too fast", "ada")
        assert door.come_in.wait(20)
        (file,) = inbox.path.glob("*.json")
        content = file.read_bytes()
        train(run, epochs=1)
    assert list(inbox.path.glob("*.json")) == []
    file.write_bytes(content)  # killed between the record and the removal
    with make_run(host=(host := SteeredHost()), resume=run.name) as again:
        train(again, epochs=2)
        again.wiring._poll_inbox()
    assert host.done == []
    assert list(inbox.path.glob("*.json")) == []
