from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from lineside.errors import OptionError, StoreDamaged, StoreUnavailable
from lineside.outbox.limits import Limits
from lineside.outbox.outbox import Draft, Outbox, Receipt
from lineside.outbox.standing import OutboxStanding


def test_nothing_is_opened_before_the_first_record(tmp_path: Path) -> None:
    Outbox(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert OutboxStanding.read(tmp_path) == OutboxStanding()


def test_what_is_recorded_waits(record, tmp_path: Path) -> None:
    assert record("first", "second") == Receipt(recorded=2)
    record("third", to="$B")
    standing = OutboxStanding.read(tmp_path)
    assert standing.waiting == 3
    assert [(queue.destination, queue.waiting, queue.title) for queue in standing.queues] == [
        ("$A", 2, "first"),
        ("$B", 1, "third"),
    ]


def test_a_key_that_is_known_is_not_recorded_again(record, tmp_path: Path) -> None:
    assert record("once", key="k") == Receipt(recorded=1)
    assert record("once", key="k") == Receipt(known=1)
    assert OutboxStanding.read(tmp_path).waiting == 1


def test_it_is_bounded_in_items_and_what_finds_no_room_is_counted(record, tmp_path: Path) -> None:
    assert record("a", "b", "c", limits=Limits(items=2)) == Receipt(recorded=2, refused=1)
    assert record("d", limits=Limits(items=2)) == Receipt(refused=1)
    standing = OutboxStanding.read(tmp_path)
    assert (standing.waiting, standing.refused) == (2, 2)


def test_it_is_bounded_in_bytes(record, tmp_path: Path) -> None:
    assert record("x" * 100, "y" * 100, "z", limits=Limits(bytes=200)) == Receipt(recorded=2, refused=1)
    assert OutboxStanding.read(tmp_path).waiting == 2


@pytest.mark.parametrize(
    ("payload", "why"), [({"a": object()}, "plain JSON"), ({"a": "x" * 300_000}, "at most 262,144")]
)
def test_a_payload_that_cannot_be_kept_is_refused_by_name(tmp_path: Path, payload, why: str) -> None:
    with pytest.raises(OptionError, match=why) as caught:
        Outbox(tmp_path).record([Draft("alert", "$A", payload, "the title")])
    assert "the title" in str(caught.value)


def test_titles_become_one_line_that_can_be_stored(record, tmp_path: Path) -> None:
    record("two\nlines \ud800" + "x" * 300)
    (queue,) = OutboxStanding.read(tmp_path).queues
    assert queue.title.startswith("two lines \\ud800x")
    assert len(queue.title) == 200


def test_all_of_one_record_is_there_or_nothing(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    with pytest.raises(OptionError):
        outbox.record([Draft("alert", "$A", {}, "good"), Draft("alert", "$A", {"a": object()}, "bad")])
    assert OutboxStanding.read(tmp_path).is_empty


def test_threads_may_record_at_one_time(tmp_path: Path) -> None:
    def some(number: int) -> None:
        for at in range(5):
            Outbox(tmp_path).record([Draft("alert", f"${number}", {}, f"{at}")])

    threads = [threading.Thread(target=some, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [queue.waiting for queue in OutboxStanding.read(tmp_path).queues] == [5, 5, 5, 5]


def test_a_file_that_is_no_outbox_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    path.write_bytes(b"something else " * 100)
    for use in (
        lambda: Outbox(tmp_path).record([Draft("alert", "$A", {}, "a")]),
        lambda: OutboxStanding.read(tmp_path),
    ):
        with pytest.raises(StoreDamaged, match=r"outbox\.db is damaged"):
            use()
    assert path.read_bytes() == b"something else " * 100


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"outbox\.db cannot be used now"):
        Outbox(tmp_path / "nowhere").record([Draft("alert", "$A", {}, "a")])


def test_rows_that_somebody_crafted_are_damage(record, tmp_path: Path) -> None:
    record("a")
    connection = sqlite3.connect(tmp_path / "outbox.db")
    connection.execute("UPDATE delivery SET due = 'soon'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreDamaged, match="none of ours"):
        OutboxStanding.read(tmp_path)


def test_the_standing_speaks_of_what_has_not_arrived(record, tmp_path: Path) -> None:
    record("a", "b")
    assert list(OutboxStanding.read(tmp_path).remarks("run-1")) == [
        "2 deliveries wait for $A: `lineside deliver run-1` sends what waits."
    ]
