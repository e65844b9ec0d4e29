from __future__ import annotations

import signal

import pytest

from lineside.control import Kind, Request
from lineside.errors import OptionError
from lineside.run import Run
from lineside.run.safe_points import LONGEST_TRACEBACK, Interrupted, culprit, traceback_of
from tests.unit.run.steered import SteeredHost
from tests.unit.run.toys import MakeRun, answers, train


def operator(kind: Kind, **arguments: object) -> Request:
    return Request(kind, "because", "ada", "operator", arguments)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_interrupt_ends_the_process_with_128_and_the_signal(number: signal.Signals, code: int) -> None:
    ended = Interrupted(number)
    assert isinstance(ended, SystemExit)
    assert (ended.code, ended.signal, ended.reason) == (code, number, f"interrupted by {number.name}")


def test_an_interrupt_without_a_signal_invites_to_try_again() -> None:
    ended = Interrupted(None, "no time left")
    assert (ended.code, ended.signal, ended.reason) == (75, None, "interrupted: no time left")


def test_an_error_is_named_as_people_read_it() -> None:
    assert culprit(OptionError("give a number")) == "give a number"
    assert culprit(ZeroDivisionError("oops")) == "ZeroDivisionError: oops"


def test_of_a_long_traceback_the_end_is_kept() -> None:
    short = traceback_of(ZeroDivisionError("oops"))
    assert short == "ZeroDivisionError: oops\n"
    long = traceback_of(ValueError("x" * 2 * LONGEST_TRACEBACK + " the end"))
    assert len(long) == LONGEST_TRACEBACK
    assert long.endswith(" the end\n")


def test_a_replay_comes_at_its_step_or_at_the_first_safe_point_behind_it(make_run: MakeRun) -> None:
    seen: dict[int, float] = {}
    with make_run(host=(host := SteeredHost())) as run:
        run.points.replay([(5, operator(Kind.SET_LR, value=0.5)), (2, operator(Kind.SET_LR, value=0.2))])
        for _ in run.epochs(2):
            for number in run.batches(range(1, 7)):
                seen[run.step] = run.lr["0"]
                if number % 2 == 0:  # every second micro-batch steps
                    run.stepped()
                    run.stepped()
    assert host.done == [("set_lr", 0.2), ("set_lr", 0.5)]
    assert seen == {0: 0.1, 2: 0.2, 4: 0.2, 6: 0.5, 8: 0.5, 10: 0.5}
    assert [outcome for _, _, outcome in answers(run)] == ["applied at step 2", "applied at step 6"]


def test_what_a_checkpoint_must_not_lose_is_what_is_not_yet_applied(make_run: MakeRun) -> None:
    pending: list[list[str]] = []
    with make_run(host=SteeredHost()) as run:
        save = run.save_now

        def save_now(**options: object) -> object:
            pending.append([request.kind.word for request in run.points.pending])
            return save(**options)

        run.save_now = save_now

        def everything(run: Run, value: float) -> None:
            for kind in (Kind.STOP, Kind.SAVE):
                run.request(operator(kind))
            run.request(operator(Kind.SET_LR, value=0.5))

        train(run, do=everything, do_in_validation=lambda run, value: run.save())
    assert pending == [["stop"], ["stop"]]  # behind the save, and until the run is over


def test_answers_are_known_at_their_own_step_alone(make_run: MakeRun) -> None:
    known: list[int] = []
    with make_run(host=SteeredHost()) as run:
        run.request(operator(Kind.SET_LR, value=0.5))
        train(run, epochs=1, do=lambda run, value: known.append(len(run.points.answered)))
        assert known == [0, 0]
