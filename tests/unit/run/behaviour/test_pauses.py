"""A run that waits, and what it still does meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from lineside.control import Kind
from lineside.run import Run
from tests.unit.run.steered import SteeredHost, operator
from tests.unit.run.toys import (
    Made,
    MakeRun,
    answers,
    ask,
    events,
    train,
)


class Elsewhere:
    """A thread that waits until a run is paused, and then does something."""

    def __init__(self, what: Callable[[Run], None]) -> None:
        self.paused = threading.Event()
        self.what = what

    def watch(self, run: Run) -> threading.Thread:
        record = run.record
        run.record = lambda kind, data: (record(kind, data), self.paused.set() if kind == "paused" else None)[0]
        thread = threading.Thread(target=self._act, args=(run,))
        thread.start()
        return thread

    def _act(self, run: Run) -> None:
        assert self.paused.wait(20)
        self.what(run)


def paused_and(make_run: MakeRun, what: Callable[[Run], None], *callbacks: Any, **options: Any) -> Run:
    pauses = ask("pauses", "on_batch_end", lambda run: run.pause("lunch"))
    with make_run(pauses, *callbacks, **options) as run:
        thread = Elsewhere(what).watch(run)
        train(run)
    thread.join()
    return run


def test_a_paused_run_goes_on_when_another_thread_says_so(make_run: MakeRun) -> None:
    run = paused_and(make_run, lambda run: run.request(operator(Kind.UNPAUSE)))
    assert run.step == 4
    assert answers(run) == [("pause", "pauses", "applied at step 1"), ("unpause", "ada", "applied at step 1")]
    assert len(events(run, "paused")) == len(events(run, "unpaused")) == 1


def test_a_stop_ends_a_pause_with_a_reason_or_without(make_run: MakeRun) -> None:
    for reason in ("enough", ""):
        run = paused_and(make_run, lambda run, reason=reason: run.request(operator(Kind.STOP, reason)))
        assert run.step == 1
        assert run.reason == (reason or "stopped by ada")


def test_rates_and_saves_are_applied_while_the_run_waits(make_run: MakeRun) -> None:
    def act(run: Run) -> None:
        run.request(operator(Kind.SET_LR, value=0.5))
        run.request(operator(Kind.SAVE, tag="lunch"))
        run.request(operator(Kind.PAUSE))
        run.request(operator(Kind.UNPAUSE))

    host = SteeredHost()
    saved: list[Any] = []
    spy = Made("spy", on_checkpoint=lambda run, checkpoint: saved.append((checkpoint.tags, checkpoint.step)))
    run = paused_and(make_run, act, spy, host=host)
    assert host.done == [("set_lr", 0.5)]
    assert saved[0] == (("lunch",), 1)
    assert {(kind, outcome) for kind, author, outcome in answers(run) if author == "ada"} == {
        (kind, "applied at step 1") for kind in ("set_lr", "save", "pause", "unpause")
    }
    assert run.step == 4


def test_what_arrives_with_the_unpause_is_not_lost(make_run: MakeRun) -> None:
    def act(run: Run) -> None:
        # In one piece, so that the paused run finds both at one look.
        run.requests.waiting.extend([operator(Kind.UNPAUSE), operator(Kind.STOP, "and go home")])

    run = paused_and(make_run, act)
    assert run.reason == "and go home"
    assert run.step == 1


@pytest.mark.parametrize("kinds", [[Kind.PAUSE, Kind.UNPAUSE], [Kind.PAUSE, Kind.STOP], [Kind.STOP, Kind.PAUSE]])
def test_a_pause_that_is_over_before_it_began_holds_nobody(make_run: MakeRun, kinds: list[Kind]) -> None:
    def everything(run: Run) -> None:
        for kind in kinds:
            run.request(operator(kind))

    with make_run(ask("bridge", "on_batch_end", everything)) as run:
        train(run)
    assert run.step == (1 if Kind.STOP in kinds else 4)
    assert len(answers(run)) == 2


def test_two_pauses_need_one_unpause(make_run: MakeRun) -> None:
    twice = ask("twice", "on_batch_end", lambda run: run.pause("me too"))
    run = paused_and(make_run, lambda run: run.request(operator(Kind.UNPAUSE)), twice)
    assert run.step == 4
    assert len(events(run, "paused")) == 1


def test_an_unpause_that_came_before_the_pause_does_not_undo_it(make_run: MakeRun) -> None:
    before = ask("before", "on_batch_start", lambda run: run.unpause("not paused at all"))
    run = paused_and(make_run, lambda run: run.request(operator(Kind.UNPAUSE)), before)
    assert len(events(run, "paused")) == 1


def test_a_pause_is_not_training_time(make_run: MakeRun) -> None:
    seen: list[bool] = []
    run = paused_and(
        make_run,
        lambda run: (seen.append(run.progress.running_since is None), run.request(operator(Kind.UNPAUSE))),
    )
    assert seen == [True]
    assert run.progress.running_since is None
