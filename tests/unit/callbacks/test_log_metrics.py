from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest

from lineside.callbacks.log_metrics import LogMetricsCallback
from lineside.errors import OptionError
from lineside.testing import CallbackContract, FakeRun

FIXED = ("step", "epoch", "time")


class TestContract(CallbackContract):
    def make(self, **options: Any) -> LogMetricsCallback:
        return LogMetricsCallback(batches=True, **options)

    def effects(self, run: FakeRun) -> list[Any]:
        run.state()  # hands over what is under way, as a save does
        # The clock of a fake run begins anew with each attempt.
        timeless = [{name: value for name, value in row.items() if name[:4] != "time"} for row in objects(run)]
        return super().effects(run) + [json.dumps(row) for row in timeless]


def lines(run: FakeRun, name: str = "metrics.csv") -> list[str]:
    path = run.dir / name
    return path.read_text("utf-8").splitlines() if path.exists() else []


def table(run: FakeRun, name: str = "metrics.csv") -> list[dict[str, str]]:
    """The rows of a CSV file, without empty fields."""
    rows = csv.DictReader(lines(run, name), strict=True)
    return [{key: value for key, value in row.items() if value} for row in rows]


def objects(run: FakeRun, name: str = "metrics.jsonl") -> list[dict[str, Any]]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return [json.loads(line, parse_constant=refuse) for line in lines(run, name)]


def bare(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key not in {"time", "time/epoch", "lr"}} for row in rows]


def test_an_epoch_is_a_line_with_all_that_belongs_to_it() -> None:
    run = FakeRun([LogMetricsCallback()], lr=0.5)
    run.epoch_end(loss=0.25, val_loss=0.5)
    run.epoch_end(loss=0.0, val_loss=0.125)
    run.train_end()
    assert lines(run)[0] == "step,epoch,time,train/loss,lr,val/loss,time/epoch"
    assert [list(row.values()) for row in table(run)] == [
        ["2", "0", "1700000002.0", "0.25", "0.5", "0.5", "2.0"],
        ["4", "1", "1700000004.0", "0.0", "0.5", "0.125", "2.0"],
    ]
    assert objects(run) == [
        {
            "step": 2,
            "epoch": 0,
            "time": 1700000002.0,
            "train/loss": 0.25,
            "lr": 0.5,
            "val/loss": 0.5,
            "time/epoch": 2.0,
        },
        {
            "step": 4,
            "epoch": 1,
            "time": 1700000004.0,
            "train/loss": 0.0,
            "lr": 0.5,
            "val/loss": 0.125,
            "time/epoch": 2.0,
        },
    ]


def test_lines_are_there_as_soon_as_their_epoch_is_over() -> None:
    run = FakeRun([LogMetricsCallback()])
    run.epoch_end(loss=0.5)
    assert len(table(run)) == len(objects(run)) == 1


def test_batches_are_written_if_asked_for() -> None:
    run = FakeRun([LogMetricsCallback(batches=True, jsonl=False)], batches=3)
    run.batch_end(loss=1.0)
    run.batch_end(loss=0.5, stepped=False)
    run.batch_end(loss=0.25)
    run.epoch_end()
    seen = [(row["step"], row.get("batch/loss"), row.get("train/loss")) for row in table(run)]
    assert seen == [("1", "1.0", None), ("1", "0.5", None), ("2", "0.25", None), ("2", None, str(1.75 / 3))]
    assert not (run.dir / "metrics.jsonl").exists()


def test_only_epochs_are_written_otherwise() -> None:
    run = FakeRun([LogMetricsCallback()]).play(2)
    assert len(table(run)) == 2
    assert "batch/" not in lines(run)[0]


def test_a_column_may_appear_later() -> None:
    run = FakeRun([LogMetricsCallback()])
    run.epoch_end({"train/loss": 0.5})
    run.epoch_end({"train/loss": 0.25, "val/f1,macro": 0.75, 'train/"odd"': 1.0})
    run.epoch_end({"train/loss": 0.125})
    rows = bare(table(run))
    assert rows == [
        {"step": "2", "epoch": "0", "train/loss": "0.5"},
        {"step": "4", "epoch": "1", "train/loss": "0.25", "val/f1,macro": "0.75", 'train/"odd"': "1.0"},
        {"step": "6", "epoch": "2", "train/loss": "0.125"},
    ]
    widths = {len(row) for row in csv.reader(lines(run))}
    assert len(widths) == 1
    assert bare(objects(run)) == [
        {"step": 2, "epoch": 0, "train/loss": 0.5},
        {"step": 4, "epoch": 1, "train/loss": 0.25, "val/f1,macro": 0.75, 'train/"odd"': 1.0},
        {"step": 6, "epoch": 2, "train/loss": 0.125},
    ]


def test_a_validation_in_mid_epoch_has_a_line_of_its_own() -> None:
    run = FakeRun([LogMetricsCallback()], batches=4)
    run.batch_end(loss=1.0)
    run.val_end(val_loss=0.75)
    run.epoch_end(loss=0.5, val_loss=0.25)
    assert [(row["step"], row["val/loss"]) for row in table(run)] == [("1", "0.75"), ("4", "0.25")]


def test_a_value_that_comes_after_its_epoch_gets_a_line_of_its_own() -> None:
    run = FakeRun([LogMetricsCallback()])
    run.epoch_end(loss=0.5)
    run.log({"val/loss": 0.25})
    run.train_end()
    assert [row.get("val/loss") for row in table(run)] == [None, "0.25"]


def test_values_that_are_not_finite_can_be_read_back() -> None:
    run = FakeRun([LogMetricsCallback()])
    for value in (math.nan, math.inf, -math.inf):
        run.epoch_end(loss=value)
    assert [row["train/loss"] for row in table(run)] == ["nan", "inf", "-inf"]
    assert [row["train/loss"] for row in objects(run)] == ["NaN", "Infinity", "-Infinity"]
    for row, value in zip(objects(run), (math.nan, math.inf, -math.inf), strict=True):
        assert float(row["train/loss"]) == pytest.approx(value, nan_ok=True)


def resumed(state: dict[str, Any], run: FakeRun) -> FakeRun:
    return FakeRun.resumed(state, [LogMetricsCallback()], dir=run.dir)


def test_a_resumed_run_takes_away_what_was_written_after_its_checkpoint() -> None:
    run = FakeRun([LogMetricsCallback()])
    run.epoch_end(loss=0.5)
    state = run.state()
    run.epoch_end(loss=0.25, f1=1.0)
    again = resumed(state, run)
    again.epoch_end(loss=0.25, f1=0.5)
    again.train_end()
    assert [(row["step"], row["train/loss"], row.get("train/f1")) for row in objects(again)] == [
        (2, 0.5, None),
        (4, 0.25, 0.5),
    ]
    assert [(row["step"], row["train/loss"], row.get("train/f1")) for row in table(again)] == [
        ("2", "0.5", None),
        ("4", "0.25", "0.5"),
    ]


def test_what_was_written_at_the_step_of_the_checkpoint_does_not_stand_twice() -> None:
    run = FakeRun([LogMetricsCallback()], batches=2)
    run.batch_end(loss=0.5)
    run.batch_end(loss=0.5)
    state = run.state()
    run.epoch_end()
    assert len(table(run)) == 1
    again = resumed(state, run)
    again.epoch_end()
    again.train_end()
    assert [row["step"] for row in table(again)] == ["2"]
    assert [row["step"] for row in objects(again)] == [2]


def test_a_torn_last_line_is_repaired_on_resume() -> None:
    run = FakeRun([LogMetricsCallback()])
    run.epoch_end(loss=0.5)
    state = run.state()
    for name, torn in (("metrics.csv", "4,1,17000"), ("metrics.jsonl", '{"step": 4, "ep')):
        with (run.dir / name).open("a") as file:
            file.write(torn)
    again = resumed(state, run)
    again.epoch_end(loss=0.25)
    again.train_end()
    assert [row["step"] for row in table(again)] == ["2", "4"]
    assert [row["step"] for row in objects(again)] == [2, 4]


def test_without_state_the_step_tells_what_to_keep() -> None:
    run = FakeRun([LogMetricsCallback()])
    run.epoch_end(loss=0.5)
    state = run.state()
    state["callbacks"] = {}
    run.epoch_end(loss=0.25)
    again = resumed(state, run)
    again.train_end()
    assert [row["step"] for row in table(again)] == ["2"]
    assert [row["step"] for row in objects(again)] == [2]


def test_a_lost_file_begins_anew_and_is_rewound_by_step() -> None:
    run = FakeRun([LogMetricsCallback(jsonl=False)])
    run.epoch_end(loss=0.5)
    state = run.state()
    (run.dir / "metrics.csv").unlink()
    again = resumed(state, run)
    again.epoch_end(loss=0.25)
    state = again.state()
    again.epoch_end(loss=0.125)
    third = resumed(state, again)
    third.train_end()
    assert [row["step"] for row in table(third)] == ["4"]


def test_a_test_outside_of_training_is_added_to_what_is_there() -> None:
    run = FakeRun([LogMetricsCallback()])
    run.epoch_end(loss=0.5)
    run.train_end()
    evaluation = FakeRun([LogMetricsCallback()], dir=run.dir)
    evaluation.attempt = 2
    evaluation.emit("on_setup")
    evaluation.stage = "test"
    evaluation.log({"accuracy": 0.75})
    evaluation.emit("on_test_end")
    evaluation.emit("on_teardown")
    assert [row.get("test/accuracy") for row in table(run)] == [None, "0.75"]
    assert len(objects(run)) == 2


def test_what_is_logged_before_the_training_starts_is_kept() -> None:
    run = FakeRun([LogMetricsCallback()])
    run.emit("on_setup")
    run.log({"val/zero_shot": 0.5})
    run.emit("on_train_start")
    run.emit("on_train_end")
    run.emit("on_teardown")
    assert [row["val/zero_shot"] for row in objects(run)] == [0.5]


def test_a_second_one_bears_its_name() -> None:
    run = FakeRun([LogMetricsCallback(), LogMetricsCallback(name="steps", batches=True, csv=False)]).play(1)
    assert sorted(path.name for path in run.dir.iterdir()) == ["metrics.csv", "metrics.jsonl", "steps.jsonl"]
    assert len(objects(run, "steps.jsonl")) > len(objects(run))


def test_a_new_fit_begins_new_files(tmp_path: Path) -> None:
    callback = LogMetricsCallback()
    for number in range(2):
        FakeRun([callback], dir=tmp_path / str(number)).play(1)
    again = FakeRun([callback], dir=tmp_path / "1").play(2)
    assert [row["step"] for row in table(again)] == ["2", "4"]


def test_nothing_to_write_is_refused() -> None:
    with pytest.raises(OptionError, match="enabled=False"):
        LogMetricsCallback(csv=False, jsonl=False)
