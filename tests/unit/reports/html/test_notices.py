from __future__ import annotations

from dataclasses import replace

from lineside.outbox.standing import Failure, OutboxStanding, Queue
from lineside.reports.html.notices import Notice, alerts, deliveries, texts
from lineside.reports.html.wording import Wording
from tests.unit.reports.html.recorded import Recorded

SAY = Wording("en")


def test_alerts_in_order_with_what_is_missing_left_empty(recorded: Recorded) -> None:
    recorded.event("alert", {"title": "hot", "text": "89 °C", "level": "error", "author": "watch"}, step=5, epoch=1)
    recorded.event("alert", {"title": 7, "level": "<b>", "text": None})
    assert alerts(recorded.evidence(), SAY) == (
        [Notice("error", "hot", "89 °C", "watch", 5), Notice("warning", "7", "", "", 0)],
        0,
    )


def test_of_a_flood_the_first_and_the_last(recorded: Recorded) -> None:
    for number in range(250):
        recorded.event("alert", {"title": str(number)})
    shown, left_out = alerts(recorded.evidence(), SAY)
    assert left_out == 150
    assert [one.title for one in shown] == [*map(str, range(50)), *map(str, range(200, 250))]


def test_the_newest_text_of_each_tag(recorded: Recorded) -> None:
    recorded.text("notes", "first")
    recorded.text("table", "a b")
    recorded.text("notes", "second")
    assert [(one.tag, one.text) for one in texts(recorded.evidence())] == [("notes", "second"), ("table", "a b")]


def test_what_became_of_deliveries(recorded: Recorded) -> None:
    evidence = recorded.evidence()
    assert deliveries(evidence, SAY) == []
    queue = Queue("$A", 2, 0.0, 3, 0.0, "hot", "no route to host")
    failure = Failure("$B", "cold", 0.0, 0.0, 1, "no such room")
    standing = OutboxStanding(5, 1, 0, [queue], [failure])
    assert deliveries(replace(evidence, outbox=standing), SAY) == [
        "Deliveries: 5 delivered, 2 waiting, 1 given up",
        "2 waiting for $A: no route to host",
        "given up: cold (no such room)",
    ]
    assert deliveries(replace(evidence, outbox=standing), Wording("zh"))[0] == "投递：5 已送达，2 等待投递，1 已放弃"
    assert deliveries(replace(evidence, outbox=None), SAY) == [
        "What was delivered is not known: outbox.db cannot be read."
    ]
