from __future__ import annotations

from typing import Any

import pytest

from lineside.errors import OptionError
from lineside.events import Event
from lineside.ports import RunView
from lineside.sink import Medium, Records, Sink
from lineside.testing import FakeRun


class Collect(Sink):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.runs: list[RunView] = []
        self.records: list[Records] = []

    def write(self, records: Records, run: RunView) -> None:
        self.records.append(records)
        self.runs.append(run)


def test_a_sink_works_in_the_background() -> None:
    assert Collect().background


def test_a_sink_cannot_be_moved_to_the_training_thread() -> None:
    with pytest.raises(OptionError, match=r"collect.*background=False"):
        Collect(background=False)


def test_a_sink_without_write_says_so() -> None:
    with pytest.raises(NotImplementedError, match=r"Sink must define write\(records, run\)"):
        Sink().write(Records(), FakeRun())


def test_a_sink_without_hooks_of_its_own_is_shown_the_run() -> None:
    assert {Event.SETUP, Event.TRAIN_START} <= set(Collect().hooks())


def test_a_sink_gets_rows_of_batches_and_of_epochs_in_order() -> None:
    sink = Collect()
    FakeRun([sink], batches=2).play(1)
    rows = [(step, names) for records in sink.records for step, _, _, values in records.rows for names in [set(values)]]
    assert (1, {"batch/loss"}) in rows
    assert any("val/loss" in names for _, names in rows)
    assert [step for step, _ in rows] == sorted(step for step, _ in rows)
    assert all(run.dir.is_dir() for run in sink.runs)


def test_records_are_empty_unless_given() -> None:
    assert (tuple(Records().rows), tuple(Records().media)) == ((), ())
    assert Medium("text", "note", "hello", 1, 0, 2.0).data == "hello"
