from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from lineside.control import Kind, Outcome, Request
from lineside.errors import MetricNotFound, NoRecords, StoreDamaged
from lineside.store import Point, RunReader, StoreWriter
from lineside.store.entries import Attempt

OpenWriter = Callable[..., StoreWriter]


def rows(
    first: int, last: int, value: float = 0.0, name: str = "train/loss"
) -> list[tuple[int, int, float, dict[str, float]]]:
    return [(step, step // 10, float(step), {name: value + step}) for step in range(first, last)]


def two_attempts(open_writer: OpenWriter, resumed_time: float | None = None) -> StoreWriter:
    """Steps 1 to 100, killed, and resumed from the checkpoint of step 80."""
    first = open_writer(1)
    first.rows(rows(1, 101))
    for step in (10, 80, 81):
        first.event("epoch", step=step, epoch=0, time=float(step), data={})
        first.text("note", str(step), step=step, epoch=0, time=float(step))
    first.close()
    second = open_writer(2, resumed_step=80, resumed_time=resumed_time)
    second.rows(rows(81, 91, value=1000.0))
    second.event("epoch", step=81, epoch=0, time=200.0, data={"again": True})
    second.commit()
    return second


def test_a_run_is_opened_by_its_directory_or_its_database(open_writer: OpenWriter, tmp_path: Path) -> None:
    open_writer().commit()
    for path in (tmp_path, tmp_path / "run.db"):
        with RunReader.open(path) as reader:
            assert reader.attempts() == [Attempt(1, 1.0, None, None)]


def test_a_directory_without_records_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoRecords, match=r"run\.db"):
        RunReader.open(tmp_path)


def test_superseded_points_are_left_out_unless_asked_for(open_writer: OpenWriter, tmp_path: Path) -> None:
    two_attempts(open_writer)
    with RunReader.open(tmp_path) as reader:
        assert list(reader.series("train/loss").values) == [*range(1, 81), *range(1081, 1091)]
        assert list(reader.series("train/loss", attempts="all").steps) == [*range(1, 101), *range(81, 91)]
        assert reader.latest("train/loss") == Point(90, 9, 1090.0, 90.0)


def test_superseded_events_and_texts_are_left_out_unless_asked_for(open_writer: OpenWriter, tmp_path: Path) -> None:
    two_attempts(open_writer)
    with RunReader.open(tmp_path) as reader:
        assert [(event.step, event.attempt) for event in reader.events("epoch")] == [(10, 1), (80, 1), (81, 2)]
        assert reader.events("epoch")[-1].data == {"again": True}
        assert len(reader.events(attempts="all")) == 4
        assert reader.events("alert") == []
        assert [text.text for text in reader.texts("note")] == ["10", "80"]
        assert len(reader.texts(attempts="all")) == 3


def test_how_far_each_attempt_came_superseded_steps_included(open_writer: OpenWriter, tmp_path: Path) -> None:
    open_writer(1).commit()
    with RunReader.open(tmp_path) as reader:
        assert reader.last_steps() == {}
    two_attempts(open_writer)
    with RunReader.open(tmp_path) as reader:
        assert reader.last_steps() == {1: 100, 2: 90}


def test_the_end_of_an_epoch_that_happens_again_counts_once(open_writer: OpenWriter, tmp_path: Path) -> None:
    first = open_writer(1)
    first.rows([(80, 7, 79.0, {"train/loss": 1.0}), (80, 7, 81.0, {"val/loss": 1.0})])
    first.close()
    second = open_writer(2, resumed_step=80, resumed_time=80.0)
    second.rows([(80, 7, 100.0, {"val/loss": 2.0})])
    second.commit()
    with RunReader.open(tmp_path) as reader:
        assert list(reader.series("train/loss").values) == [1.0]
        assert list(reader.series("val/loss").values) == [2.0]


def test_a_metric_of_which_nothing_counts_is_empty(open_writer: OpenWriter, tmp_path: Path) -> None:
    first = open_writer(1)
    first.rows(rows(5, 10))
    first.close()
    open_writer(2, resumed_step=4).commit()
    with RunReader.open(tmp_path) as reader:
        assert len(reader.series("train/loss", max_points=10)) == 0
        assert reader.latest("train/loss") is None


def test_an_unknown_metric_is_told_with_the_nearest(open_writer: OpenWriter, tmp_path: Path) -> None:
    writer = open_writer()
    writer.rows(rows(0, 1))
    writer.commit()
    with (
        RunReader.open(tmp_path) as reader,
        pytest.raises(MetricNotFound, match=r"mean 'train/loss'.*There is: train/loss"),
    ):
        reader.series("train/los")


def test_no_spike_is_lost_by_down_sampling(open_writer: OpenWriter, tmp_path: Path) -> None:
    places = [0, 17, 4096, 9999, 11_999]
    spikes = {f"{spike} at {place}": (spike, place) for spike in (1e5, -1e5, math.inf, math.nan) for place in places}
    writer = open_writer()
    for start in range(0, 12_000, 1000):
        steps = range(start, start + 1000)
        writer.rows(
            [
                (n, 0, float(n), {name: spike if n == place else n for name, (spike, place) in spikes.items()})
                for n in steps
            ]
        )
        writer.commit()
    with RunReader.open(tmp_path) as reader:
        for name, (spike, place) in spikes.items():
            for max_points in (4, 100, 1000):
                series = reader.series(name, max_points=max_points)
                assert len(series) <= max_points
                kept = dict(zip(series.steps, series.values, strict=True))[place]
                assert math.isnan(kept) if math.isnan(spike) else kept == spike
        assert len(reader.series(name, max_points=12_000)) == 12_000


def test_a_spike_that_was_superseded_is_not_shown(open_writer: OpenWriter, tmp_path: Path) -> None:
    first = open_writer(1)
    first.rows(rows(0, 8000))
    first.rows([(8000, 0, 8000.0, {"train/loss": 1e9})])
    first.rows(rows(8001, 12_000))
    first.close()
    second = open_writer(2, resumed_step=7999)
    second.rows(rows(8000, 12_000))
    second.commit()
    with RunReader.open(tmp_path) as reader:
        for max_points in (4, 100, 1000):
            assert max(reader.series("train/loss", max_points=max_points).values) == 11_999
        assert list(reader.series("train/loss").steps) == list(range(12_000))


def test_too_few_points_are_refused(open_writer: OpenWriter, tmp_path: Path) -> None:
    open_writer().commit()
    with RunReader.open(tmp_path) as reader, pytest.raises(ValueError, match="max_points=3"):
        reader.series("train/loss", max_points=3)


def test_requests_are_found_that_a_resume_must_apply_again(open_writer: OpenWriter, tmp_path: Path) -> None:
    def request(name: str) -> Request:
        return Request(Kind.SET_LR, "", "me", "operator", {"value": 0.1}, id=name)

    first = open_writer(1)
    first.request(request("before"), Outcome(applied=True, step=80))
    first.request(request("late"), Outcome(applied=True, step=95))
    first.request(request("soon"), Outcome(applied=True, step=90))
    first.request(request("refused"), Outcome(applied=False, step=91, detail="no"))
    first.request(request("waiting"), None)
    first.close()
    with RunReader.open(tmp_path) as reader:
        assert [entry.request.id for entry in reader.requests_applied_after(80)] == ["soon", "late"]

    second = open_writer(2, resumed_step=80)
    second.request(request("soon"), Outcome(applied=True, step=90))
    second.request(request("late"), None)
    second.close()
    with RunReader.open(tmp_path) as reader:
        # The second attempt died before step 95; the third must still apply it there.
        assert [entry.request.id for entry in reader.requests_applied_after(85)] == ["soon", "late"]
        effective = {entry.request.id: entry.attempt for entry in reader.requests()}
        assert effective == {"before": 1, "waiting": 1, "soon": 2, "late": 2}
        assert len(reader.requests(attempts="all")) == 7


def test_events_that_are_known_can_be_passed_over(open_writer: OpenWriter, tmp_path: Path) -> None:
    two_attempts(open_writer)
    with RunReader.open(tmp_path) as reader:
        assert [event.step for event in reader.events(attempts="all", skip=1)] == [80, 81, 81]
        assert [event.time for event in reader.events("epoch", attempts="all", skip=3)] == [200.0]
        assert reader.events(attempts="all", skip=4) == []


def test_attempts_behind_the_end_that_train_nothing_are_evaluations(open_writer: OpenWriter, tmp_path: Path) -> None:
    for attempt, kinds in ((1, []), (2, ["train_start", "end"]), (3, []), (4, ["train_start"]), (5, [])):
        writer = open_writer(attempt)
        for kind in kinds:
            writer.event(kind, step=1, epoch=0, time=1.0, data={})
        writer.close()
    with RunReader.open(tmp_path) as reader:
        assert reader.evaluations() == {3, 5}


def test_one_request_is_read_as_the_last_attempt_recorded_it(open_writer: OpenWriter, tmp_path: Path) -> None:
    request = Request(Kind.STOP, "enough", "ada", "operator", id="a")
    first = open_writer(1)
    first.request(request, None)
    first.request(Request(Kind.SAVE, "", "ada", "operator", id="b"), None)
    first.close()
    second = open_writer(2, resumed_step=0)
    second.request(request, Outcome(applied=True, step=7))
    second.close()
    with RunReader.open(tmp_path) as reader:
        found = reader.request("a")
        assert found is not None
        assert (found.attempt, found.outcome) == (2, Outcome(applied=True, step=7))
        waiting = reader.request("b")
        assert waiting is not None
        assert waiting.outcome is None
        assert reader.request("c") is None


def test_a_reader_sees_what_is_committed_meanwhile(open_writer: OpenWriter, tmp_path: Path) -> None:
    writer = open_writer()
    writer.rows(rows(0, 5))
    writer.commit()
    with RunReader.open(tmp_path) as reader:
        assert len(reader.series("train/loss")) == 5
        writer.rows(rows(5, 5000))
        writer.commit()
        assert len(reader.series("train/loss")) == 5000


def crafted(path: Path, open_writer: OpenWriter, statement: str) -> RunReader:
    writer = open_writer()
    writer.rows(rows(0, 100))
    writer.event("epoch", step=1, epoch=0, time=1.0, data={})
    writer.close()
    connection = sqlite3.connect(path / "run.db")
    connection.execute(statement)
    connection.commit()
    connection.close()
    return RunReader.open(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE block SET count = 1 << 40",
        "UPDATE block SET count = count + 1",
        "UPDATE block SET count = 'many'",
        "UPDATE block SET axis = x'00'",
        "UPDATE chunk SET points = 'text'",
    ],
)
def test_a_crafted_series_is_damage(open_writer: OpenWriter, tmp_path: Path, statement: str) -> None:
    with crafted(tmp_path, open_writer, statement) as reader, pytest.raises(StoreDamaged, match=r"run\.db is damaged"):
        reader.series("train/loss")


@pytest.mark.parametrize(
    "statement", ["UPDATE event SET data = '['", "UPDATE event SET step = 'x'", "UPDATE event SET data = '1'"]
)
def test_a_crafted_event_is_damage(open_writer: OpenWriter, tmp_path: Path, statement: str) -> None:
    with crafted(tmp_path, open_writer, statement) as reader, pytest.raises(StoreDamaged, match=r"run\.db is damaged"):
        reader.events()


@pytest.mark.parametrize("statement", ["UPDATE attempt SET started = 'x'", "UPDATE attempt SET resumed_step = x'00'"])
def test_a_crafted_attempt_is_damage(open_writer: OpenWriter, tmp_path: Path, statement: str) -> None:
    with crafted(tmp_path, open_writer, statement) as reader, pytest.raises(StoreDamaged, match=r"run\.db is damaged"):
        reader.attempts()
