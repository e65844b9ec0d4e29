from __future__ import annotations

from typing import Any

from lineside.dispatch.items import RecordsItem
from lineside.dispatch.lanes import Lane, LaneLimits
from lineside.dispatch.records import RecordStream
from lineside.sink import Medium, Records


class Listener:
    def __init__(self, items: int = 100) -> None:
        self.got: list[Records] = []
        self.lane = Lane("listener", self._hear, LaneLimits(items=items))

    def _hear(self, item: RecordsItem) -> None:
        self.got.append(item.records)

    def steps(self) -> list[list[int]]:
        self.lane.run_waiting()
        assert self.lane.join(0.0)
        return [[row[0] for row in records.rows] for records in self.got]


def row(step: int) -> Any:
    return step, 0, float(step), {"train/loss": 0.5}


def test_rows_of_batches_reach_all_sinks_in_one_piece() -> None:
    first, second = Listener(), Listener()
    stream = RecordStream([first.lane, second.lane], list)
    for step in range(1, 4):
        stream.append(row(step))
    assert first.steps() == []
    stream.flush()
    assert first.steps() == second.steps() == [[1, 2, 3]]
    assert set(first.got[0].rows[0][3]) == {"batch/loss"}


def test_flushing_nothing_hands_over_nothing() -> None:
    listener = Listener()
    RecordStream([listener.lane], list).flush()
    assert listener.steps() == []


def test_what_must_not_be_lost_comes_behind_the_rows_before_it() -> None:
    listener = Listener()
    stream = RecordStream([listener.lane], list)
    stream.append(row(1))
    stream.keep([row(1)], [Medium("text", "note", "hello", 1, 0, 1.0)])
    assert listener.steps() == [[1], [1]]
    assert set(listener.got[0].rows[0][3]) == {"batch/loss"}
    assert set(listener.got[1].rows[0][3]) == {"train/loss"}
    assert listener.got[1].media[0].data == "hello"


def test_dropped_rows_are_counted_one_by_one_and_by_lane() -> None:
    full, roomy = Listener(items=2), Listener()
    stream = RecordStream([full.lane, roomy.lane], list)
    for batch in range(5):
        for step in range(10):
            stream.append(row(10 * batch + step))
        stream.flush()
    stream.keep([row(50)])
    assert (full.lane.dropped, roomy.lane.dropped) == (30, 0)
    assert [len(steps) for steps in full.steps()] == [10, 10, 1]
    assert sum(len(steps) for steps in roomy.steps()) == 51


def test_rows_are_not_collected_where_nobody_listens() -> None:
    stream = RecordStream([], list)
    stream.append(row(1))
    assert len(stream._rows) == 0
