"""What is tried when: with a fake clock, hands that do what the test says, and a real outbox."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from lineside.errors import StoreUnavailable
from lineside.outbox.addresses import Addresses
from lineside.outbox.deliverer import Deliverer
from lineside.outbox.ledger import Ledger
from lineside.outbox.limits import Limits
from lineside.outbox.seal import Seal
from lineside.outbox.standing import OutboxStanding

LIMITS = Limits(
    first_wait=10.0, longest_wait=40.0, longest_asked=300.0, send_seconds=30.0, start_seconds=60.0, workers=3
)


class Hands:
    """Workers that are numbers; what they were given lies in `jobs` until the test answers."""

    def __init__(self, size: int) -> None:
        self.size, self.jobs, self.buried, self.given = size, {}, [], []

    @property
    def is_full(self) -> bool:
        return len(self.jobs) >= self.size

    def give(self, job) -> int:
        self.given.append((job["destination"], job["payload"]["title"]))
        worker = len(self.given)
        self.jobs[worker] = job
        return worker

    def free(self, worker: int) -> None:
        del self.jobs[worker]

    def bury(self, worker: int) -> None:
        self.jobs.pop(worker, None)
        self.buried.append(worker)


class Table:
    """A deliverer with all that is around it."""

    def __init__(self, directory: Path, ledger: Ledger, clock, limits: Limits) -> None:
        self.directory, self.ledger, self.clock = directory, ledger, clock
        self.hands, self.notices = Hands(limits.workers), []
        given = dict.fromkeys(("$A", "$B", "$C", "$D", "$LOST"))
        self.deliverer = Deliverer(
            ledger,
            self.hands,
            Addresses(given, Seal(None)),
            {"alert": "a:B"},
            limits,
            self.notices.append,
            directory=directory,
            clock=clock,
            wall=lambda: clock.wall,
            draw=Random(0),
        )

    def answer(self, **message) -> None:
        """Answer for the worker that has waited longest."""
        self.deliverer.answer(next(iter(self.hands.jobs)), message)

    def round(self, after: float = 0.0) -> list[str]:
        """Let time pass, and return the titles that are begun."""
        self.clock.advance(after)
        before = len(self.hands.given)
        self.deliverer.round()
        return [title for _, title in self.hands.given[before:]]

    @property
    def standing(self) -> OutboxStanding:
        return OutboxStanding.read(self.directory)


@pytest.fixture
def make_table(tmp_path: Path, clock, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    for name in "ABCD":
        monkeypatch.setenv(name, f"json://127.0.0.1/{name}")
    opened = []

    def make(limits: Limits = LIMITS) -> Table:
        ledger = Ledger(tmp_path, limits, lambda: clock.wall)
        opened.append(ledger)
        return Table(tmp_path, ledger, clock, limits)

    yield make
    for ledger in opened:
        ledger.close()


@pytest.fixture
def table(make_table) -> Table:
    return make_table()


def test_a_destination_gets_one_after_the_other_in_the_order_of_recording(table: Table, record) -> None:
    record("first", "second")
    assert table.round() == ["first"]
    assert table.round(1.0) == []
    table.answer(sent=True)
    assert table.round() == ["second"]
    table.answer(sent=True)
    assert table.round() == []
    assert (table.standing.sent, table.standing.waiting, table.deliverer.sent) == (2, 0, 2)


def test_a_failure_holds_up_its_own_destination_alone(table: Table, record) -> None:
    record("first", "second")
    record("other", "another", to="$B")
    assert table.round() == ["first", "other"]
    table.answer(again="no route to host")
    table.answer(sent=True)
    assert table.round() == ["another"]
    assert table.round(4.9) == []
    assert table.round(5.2) == ["first"]  # at most ten seconds, of which half are chance


def test_the_same_key_is_sent_at_every_try(table: Table, record) -> None:
    record("a", key="the key")
    for tries in range(3):
        table.round(100.0)
        (job,) = table.hands.jobs.values()
        assert (job["key"], job["tries"], job["address"]) == ("the key", tries, "json://127.0.0.1/A")
        table.answer(again="refused")


def test_waits_double(table: Table, record) -> None:
    record("a")
    table.round()
    for longest in (10.0, 20.0, 40.0, 40.0):
        table.answer(again="refused")
        assert table.round(longest / 2 - 0.1) == []
        assert table.round(longest / 2 + 0.2) == ["a"]


def test_a_receiver_that_asks_for_time_gets_it(table: Table, record) -> None:
    record("a")
    table.round()
    table.answer(again="too many", after=120.0)
    table.deliverer.hurry()
    assert table.round(119.0) == []
    assert table.round(1.5) == ["a"]


def test_what_waits_because_it_failed_is_tried_at_once_when_the_end_is_near(table: Table, record) -> None:
    record("a")
    table.round()
    table.answer(again="refused")
    assert table.round(1.0) == []
    table.deliverer.hurry()
    assert table.round() == ["a"]
    table.answer(again="refused")
    assert table.round() == []


def test_a_wait_outlives_the_process_that_sends(make_table, record) -> None:
    record("a")
    table = make_table()
    table.round()
    table.answer(again="too many", after=120.0)
    after = make_table()
    assert after.round(60.0) == []
    assert after.round(61.0) == ["a"]


def test_what_the_receiver_refuses_for_good_is_given_up_and_the_next_goes_on(table: Table, record) -> None:
    record("bad", "good")
    table.round()
    table.answer(never="no such room")
    assert table.round() == ["good"]
    (failure,) = table.standing.failures
    assert (failure.title, failure.detail, failure.tries) == ("bad", "no such room", 1)
    assert table.notices == ["'bad' was not delivered to $A and is given up: no such room."]


def test_an_end_by_tries(make_table, record) -> None:
    table = make_table(Limits(tries=3))
    record("a")
    for _ in range(3):
        assert table.round(10_000.0) == ["a"]
        table.answer(again="refused")
    assert table.round(10_000.0) == []
    (failure,) = table.standing.failures
    assert failure.detail == "refused (tried 3 times)"
    assert table.deliverer.failed == 1


def test_an_end_by_age_needs_tries_so_that_a_clock_that_jumps_costs_nothing(make_table, record) -> None:
    table = make_table(Limits(age=1000.0, least_tries=3))
    record("a")
    table.clock.wall += 1e9
    for _ in range(2):
        table.round(700.0)
        table.answer(again="refused")
    assert table.standing.waiting == 1
    table.round(700.0)
    table.answer(again="refused")
    assert table.standing.failed == 1


def test_a_clock_that_is_put_back_delays_nothing(make_table, record) -> None:
    record("a")
    table = make_table()
    table.round()
    table.answer(again="refused")
    table.clock.wall -= 1e8
    assert table.round(10.1) == ["a"]  # in the process that waits
    table.answer(again="refused")
    table.clock.wall -= 1e8
    assert make_table().round() == ["a"]  # and in the next one


def test_a_send_that_takes_too_long_is_cut_with_its_worker(table: Table, record) -> None:
    record("a")
    table.round()
    table.deliverer.answer(1, {"begun": True})
    table.round(29.0)
    assert table.hands.buried == []
    table.round(1.1)
    assert table.hands.buried == [1]
    assert table.round(10.1) == ["a"]
    assert table.standing.queues[0].detail == "there was no answer in time, and it was cut off"


def test_the_time_to_load_a_sender_is_not_taken_from_the_send(table: Table, record) -> None:
    record("a")
    table.round()
    table.round(59.0)
    table.deliverer.answer(1, {"begun": True})
    table.round(29.0)
    assert table.hands.buried == []


def test_a_worker_that_dies_is_a_failed_try(table: Table, record) -> None:
    record("a")
    table.round()
    table.deliverer.answer(1, None)
    assert table.hands.buried == [1]
    assert table.standing.queues[0].detail == "the process that sent it died"
    table.deliverer.answer(1, {"sent": True})  # words of the dead
    assert table.standing.sent == 0


def test_there_are_only_so_many_workers(table: Table, record) -> None:
    for name in "ABCD":
        record(name, to=f"${name}")
    assert table.round() == ["A", "B", "C"]
    table.answer(sent=True)
    assert table.round() == ["D"]


def test_destinations_in_trouble_leave_a_worker_to_the_others(table: Table, record) -> None:
    for name in "ABC":
        record(name, to=f"${name}")
    table.round()
    for _ in range(3):
        table.answer(again="refused")
    assert table.round(10.1) == ["A", "B"]
    assert table.deliverer.pause() == 0.5  # C is due, and waits for a worker
    record("D", to="$D")
    assert table.round() == ["D"]
    table.answer(again="refused")
    assert table.round() == ["C"]


def test_it_does_not_run_hot_while_the_outbox_cannot_be_read(
    table: Table, record, monkeypatch: pytest.MonkeyPatch
) -> None:
    record("a")

    def fail() -> None:
        raise StoreUnavailable(table.ledger.path, "disk I/O error")

    monkeypatch.setattr(table.ledger, "changed", fail)
    table.round()
    assert table.deliverer.pause() == 0.5


def test_a_destination_gets_only_so_many_a_minute(make_table, record) -> None:
    table = make_table(Limits(per_minute=2))
    record("a", "b", "c")
    for title in "ab":
        assert table.round(1.0) == [title]
        table.answer(sent=True)
    assert table.round(1.0) == []
    assert table.round(57.0) == []
    assert table.round(2.1) == ["c"]
    table.answer(sent=True)
    record("d", "e")
    after = make_table(Limits(per_minute=2))  # another process counts what this one has sent
    assert after.round() == ["d"]
    after.answer(sent=True)
    assert after.round() == []


def test_a_secret_that_is_missing_is_no_try(table: Table, record, monkeypatch: pytest.MonkeyPatch) -> None:
    record("a", to="$LOST")
    assert table.round() == []
    (queue,) = table.standing.queues
    assert (queue.tries, queue.detail) == (0, "the environment variable LOST is not set")
    assert table.round(59.0) == []
    monkeypatch.setenv("LOST", "json://127.0.0.1/")
    assert table.round(1.1) == ["a"]


def test_a_kind_that_nobody_sends_waits(table: Table, record) -> None:
    record("a", kind="fax")
    assert table.round() == []
    assert table.standing.queues[0].detail == "nothing here sends deliveries of the kind 'fax'"


def test_a_record_that_is_damaged_holds_up_nobody(table: Table, record, tmp_path: Path) -> None:
    record("bad", "good")
    connection = sqlite3.connect(tmp_path / "outbox.db")
    connection.execute("UPDATE delivery SET payload = '{' WHERE title = 'bad'")
    connection.commit()
    connection.close()
    table.round()
    assert table.round() == ["good"]
    assert table.standing.failures[0].detail == "its record is damaged"


def test_what_has_arrived_is_not_sent_again_while_the_disk_cannot_take_that(
    table: Table, record, monkeypatch: pytest.MonkeyPatch
) -> None:
    record("a")
    table.round()
    end = table.ledger.end
    full = StoreUnavailable(table.ledger.path, "database or disk is full")

    def fail(*_) -> None:
        raise full

    monkeypatch.setattr(table.ledger, "end", fail)
    table.answer(sent=True)
    assert table.round(1000.0) == table.round(1000.0) == []
    assert table.notices == [str(full)]
    monkeypatch.setattr(table.ledger, "end", end)
    assert table.round() == []
    assert table.standing.sent == 1


def test_trouble_is_told_once_and_its_end_too(table: Table, record) -> None:
    record("a")
    for _ in range(3):
        table.round(100.0)
        table.answer(again="refused")
    table.round(100.0)
    table.answer(sent=True)
    assert table.notices == [
        "'a' has not reached $A: refused. It waits in the outbox.",
        "$A is reached again.",
    ]


def test_it_knows_when_there_is_nothing_more_to_do(table: Table, record) -> None:
    assert table.deliverer.has_work_before(table.clock.now)  # it has not looked yet
    table.round()
    assert not table.deliverer.has_work_before(table.clock.now + 10.0)
    record("a")
    table.round()
    assert table.deliverer.has_work_before(table.clock.now)  # on its way
    table.answer(again="refused", after=100.0)
    table.round()
    assert not table.deliverer.has_work_before(table.clock.now + 99.0)
    assert table.deliverer.has_work_before(table.clock.now + 101.0)


def test_it_wakes_when_something_is_due(table: Table, record) -> None:
    assert table.deliverer.pause() == 0.5
    record("a")
    table.round()
    table.answer(again="refused", after=0.0)
    table.round()
    assert table.deliverer.pause() == 0.5
    table.clock.advance(100.0)
    assert table.deliverer.pause() == 0.0


def test_what_is_over_is_listed_for_a_while_and_counted_for_ever(make_table, record) -> None:
    table = make_table(Limits(kept=2, per_minute=100))
    record("a", "b", "c", "d")
    for _ in range(4):
        table.round(1.0)
        table.answer(never="refused")
    assert [failure.title for failure in table.standing.failures] == ["d", "c"]
    assert table.standing.failed == 4
