from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from lineside.control import Kind, Outcome, Request
from lineside.database import opening as database_module
from lineside.errors import StoreUnavailable
from lineside.ports import Recorder
from lineside.store import RunReader, StoreWriter

OpenWriter = Callable[..., StoreWriter]


def rows(first: int, last: int, **values: float) -> list[tuple[int, int, float, dict[str, float]]]:
    return [(step, step // 10, step + 0.5, values or {"train/loss": 1.0 / (step + 1)}) for step in range(first, last)]


def test_it_is_a_recorder(open_writer: OpenWriter) -> None:
    recorder: Recorder = open_writer()
    assert isinstance(recorder, StoreWriter)


def test_nothing_is_on_the_disk_before_a_commit(open_writer: OpenWriter, tmp_path: Path) -> None:
    writer = open_writer()
    writer.rows(rows(0, 10))
    writer.event("alert", step=1, epoch=0, time=2.0, data={"title": "x"})
    with RunReader.open(tmp_path) as reader:
        assert reader.metric_names() == []
        assert reader.events() == []
        writer.commit()
        assert reader.metric_names() == ["train/loss"]
        assert [event.kind for event in reader.events()] == ["alert"]


def test_rows_with_different_names_are_kept_apart_and_found_together(open_writer: OpenWriter, tmp_path: Path) -> None:
    writer = open_writer()
    for step in range(20):
        writer.rows([(step, 0, step + 0.5, {"a": step + 0.5})])
        writer.rows([(step, 0, float(step), {"a": float(step), "b": -1.0})])
    writer.commit()
    with RunReader.open(tmp_path) as reader:
        assert list(reader.series("a").values) == [step / 2 for step in range(40)]
        assert list(reader.series("b").steps) == list(range(20))


def test_rows_whose_names_change_all_the_time_do_not_multiply_blocks(open_writer: OpenWriter, tmp_path: Path) -> None:
    writer = open_writer()
    names = [f"metric/{number}" for number in range(8)]
    for step in range(256):
        writer.rows([(step, 0, float(step), {name: float(step) for bit, name in enumerate(names) if step >> bit & 1})])
    writer.close()
    with RunReader.open(tmp_path) as reader:
        for bit, name in enumerate(names):
            assert list(reader.series(name).steps) == [step for step in range(256) if step >> bit & 1]
    connection = sqlite3.connect(tmp_path / "run.db")
    assert connection.execute("SELECT count(*) FROM block").fetchone()[0] <= StoreWriter.GROUPS + len(names)
    connection.close()


def test_the_last_word_on_a_request_counts(open_writer: OpenWriter, tmp_path: Path) -> None:
    writer = open_writer()
    first, second = (
        Request(Kind.STOP, "enough", "me", "operator"),
        Request(Kind.SAVE, "", "callback", arguments={"tag": "x"}),
    )
    writer.request(first, None)
    writer.request(second, None)
    writer.commit()
    writer.request(first, Outcome(applied=True, step=7))
    writer.commit()
    with RunReader.open(tmp_path) as reader:
        found = [(entry.request, entry.outcome, entry.time) for entry in reader.requests()]
    assert found == [(first, Outcome(applied=True, step=7), 1000.0), (second, None, 1000.0)]


def test_texts_survive_any_character(open_writer: OpenWriter, tmp_path: Path) -> None:
    writer = open_writer()
    writer.text("样本", "a\x00b\udce9\n", step=1, epoch=0, time=2.0)
    writer.commit()
    with RunReader.open(tmp_path) as reader:
        assert [(text.tag, text.text) for text in reader.texts()] == [("样本", "a\x00b\\udce9\n")]


def test_a_commit_that_fails_is_made_up_for_by_the_next(
    open_writer: OpenWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.0)
    writer = open_writer()
    writer.rows(rows(0, 10))
    writer.commit()
    other = sqlite3.connect(tmp_path / "run.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer.rows(rows(10, 5000))
    writer.event("alert", step=1, epoch=0, time=2.0, data={})
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="locked"):
            writer.commit()
    other.execute("ROLLBACK")
    other.close()
    writer.commit()
    with RunReader.open(tmp_path) as reader:
        assert list(reader.series("train/loss").steps) == list(range(5000))
        assert len(reader.events()) == 1


def test_memory_is_bounded_while_commits_fail(
    open_writer: OpenWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StoreWriter, "WAITING_VALUES", 30)
    writer = open_writer()
    writer.rows(rows(0, 10, a=1.0, b=2.0))
    writer.rows(rows(10, 20, a=1.0, b=2.0))
    assert writer.dropped_values == 20
    writer.commit()
    writer.rows(rows(20, 30, a=1.0, b=2.0))
    writer.commit()
    assert writer.dropped_values == 20
    with RunReader.open(tmp_path) as reader:
        assert list(reader.series("a").steps) == [*range(10), *range(20, 30)]


def test_a_row_without_values_is_nothing(open_writer: OpenWriter, tmp_path: Path) -> None:
    writer = open_writer()
    writer.rows([(0, 0, 0.0, {})])
    writer.commit()
    with RunReader.open(tmp_path) as reader:
        assert reader.metric_names() == []


def test_a_forked_child_writes_nothing(open_writer: OpenWriter, tmp_path: Path) -> None:
    writer = open_writer()
    writer.rows(rows(0, 10))
    child = os.fork()
    if child == 0:
        try:
            writer.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    with RunReader.open(tmp_path) as reader:
        assert reader.metric_names() == []
    writer.commit()
    with RunReader.open(tmp_path) as reader:
        assert reader.metric_names() == ["train/loss"]


def test_closing_commits_and_may_be_repeated(open_writer: OpenWriter, tmp_path: Path) -> None:
    writer = open_writer()
    writer.rows(rows(0, 3))
    writer.close()
    writer.close()
    with RunReader.open(tmp_path) as reader:
        assert len(reader.series("train/loss")) == 3


def test_many_small_commits_cost_little_space(open_writer: OpenWriter, tmp_path: Path) -> None:
    writer = open_writer()
    for step in range(0, 10_000, 10):
        writer.rows(rows(step, step + 10))
        writer.commit() if step % 100 == 0 else None
    writer.close()
    assert (tmp_path / "run.db").stat().st_size < 12 * 10_000
