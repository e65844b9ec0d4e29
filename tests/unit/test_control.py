from __future__ import annotations

import random
import threading

import pytest

from lineside.control import Kind, Origin, Outcome, Request, RequestQueue, in_order


def asked(kind: Kind, author: str = "a", origin: Origin = "callback", **arguments: object) -> Request:
    return Request(kind, "because", author, origin, arguments)


def test_a_safe_point_applies_in_the_order_of_the_design() -> None:
    words = ["restore", "set_lr", "validate", "save", "unpause", "pause", "stop", "interrupt"]
    requests = [asked(kind) for kind in Kind]
    random.Random(7).shuffle(requests)
    assert [request.kind.word for request in in_order(requests)] == words


def test_requests_of_one_kind_keep_the_order_of_asking() -> None:
    requests = [asked(Kind.SAVE, author) for author in "cabd"]
    assert [request.author for request in in_order(requests)] == list("cabd")


def test_of_several_rates_the_operators_comes_last_and_so_counts() -> None:
    requests = [asked(Kind.SET_LR, "operator", "operator", value=1), asked(Kind.SET_LR, "plateau", value=2)]
    assert [request.author for request in in_order(requests)] == ["plateau", "operator"]


@pytest.mark.parametrize(
    ("origin", "replayed"),
    [("operator", True), ("background", True), ("callback", False), ("loop", False), ("signal", False)],
)
def test_what_nobody_would_ask_again_is_replayed(origin: Origin, replayed: bool) -> None:
    assert asked(Kind.SET_LR, origin=origin).replayed is replayed


@pytest.mark.parametrize("kind", [Kind.PAUSE, Kind.UNPAUSE, Kind.INTERRUPT])
def test_a_pause_or_an_interrupt_is_never_replayed(kind: Kind) -> None:
    assert not asked(kind, origin="operator").replayed
    assert not asked(kind, origin="background").replayed


def test_every_request_has_an_id_of_its_own() -> None:
    assert len({asked(Kind.STOP).id for _ in range(100)}) == 100


def test_an_outcome_is_told_in_words() -> None:
    assert str(Outcome(applied=True, step=12)) == "applied at step 12"
    assert str(Outcome(applied=False, step=12, detail="no scheduler")) == "refused: no scheduler"


def test_a_queue_gives_each_request_once() -> None:
    queue = RequestQueue()
    request = asked(Kind.SAVE)
    queue.append(request)
    queue.append(request)
    assert queue.take() == [request]
    queue.append(request)
    assert queue.take() == []
    assert queue.knows(request.id)
    assert not queue.waiting


def test_a_queue_does_not_take_what_an_earlier_attempt_answered() -> None:
    queue = RequestQueue()
    old, new = asked(Kind.SAVE), asked(Kind.SAVE)
    queue.mark_seen([old.id])
    queue.append(old)
    queue.append(new)
    assert queue.take() == [new]


def test_requests_from_many_threads_all_arrive() -> None:
    queue = RequestQueue()
    threads = [threading.Thread(target=lambda: [queue.append(asked(Kind.SAVE)) for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    taken = queue.take()
    for thread in threads:
        thread.join()
    assert len(taken + queue.take()) == 800
