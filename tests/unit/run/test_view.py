from __future__ import annotations

import logging
from typing import Any

import pytest

from lineside.errors import OptionError
from lineside.ports import Level, RunView
from lineside.store import RunReader
from tests.unit.run.toys import Made, MakeRun, Trace, answers, train


def test_a_live_run_has_all_that_callbacks_may_read(make_run: MakeRun) -> None:
    missing: list[str] = []

    def look(run: Any) -> None:
        missing.extend(
            name for name in dir(RunView) if not name.startswith("_") and name != "model" and not hasattr(run, name)
        )

    with make_run(Made("spy", on_batch_end=look)) as run:
        train(run, epochs=1)
    assert missing == []


def test_what_is_logged_in_a_batch_is_of_the_batch_and_elsewhere_of_the_epoch(make_run: MakeRun) -> None:
    with make_run() as run:
        for _ in run.epochs(1):
            run.log({"before": 1.0})
            for value in run.batches([2.0, 4.0]):
                run.log({"loss": value})
                assert run.batch_metrics["loss"] == value
                assert "loss" not in run.metrics
            assert run.metrics["before"] == 1.0
            with run.validation():
                run.log({"f1": 0.5})
            assert run.metrics["loss"] == 3.0
    assert run.metrics["val/f1"] == 0.5
    with RunReader.open(run.dir) as reader:
        names = reader.metric_names()
    assert {"batch/loss", "train/before", "train/loss", "val/f1"} <= set(names)


def test_several_calls_in_one_batch_make_one_row(make_run: MakeRun) -> None:
    with make_run() as run:
        for _ in run.epochs(1):
            for _ in run.batches([1.0]):
                run.log({"loss": 9.0})
                run.log({"loss": 1.0, "accuracy": 0.5})
    with RunReader.open(run.dir) as reader:
        assert list(reader.series("batch/loss").values) == [1.0]
        assert list(reader.series("batch/accuracy").values) == [0.5]


def test_a_wrong_value_is_refused_where_it_is_logged(make_run: MakeRun) -> None:
    with make_run() as run:
        with pytest.raises(OptionError, match="'loss' is a str"):
            run.log({"loss": "low"})
        run.log({})


def test_texts_and_pictures_reach_the_sinks(make_run: MakeRun) -> None:
    with make_run() as run:
        run.log_text("note", "hello")
        run.log_figure("curve", b"png")
        run.log_image("digit", b"png")
        run.log_artifact("a/b.txt")
    with RunReader.open(run.dir) as reader:
        assert [(text.tag, text.text) for text in reader.texts()] == [("note", "hello")]


def test_who_asks_is_known(make_run: MakeRun) -> None:
    spy = Made("spy", on_batch_end=lambda run: run.set_lr(0.1))
    with make_run(spy) as run:
        for _ in run.epochs(1):
            for _ in run.batches([1.0]):
                run.set_lr(0.2)
                run.stepped()
    # One rate for one group at one safe point: the later one, which is refused in its turn.
    assert answers(run) == [
        ("set_lr", "loop", "refused: spy set another rate at the same step"),
        ("set_lr", "spy", "refused: this run has no model: pass model= and optimizer= to Run"),
    ]


def test_nobody_asks_in_the_name_of_a_callback_that_failed(make_run: MakeRun) -> None:
    def fail(run: Any) -> None:
        raise ValueError("no")

    authors: list[str] = []
    spy = Made("spy", on_teardown=lambda run: authors.append(run._author))
    with pytest.raises(ValueError, match="no"), make_run(Made("bad", on_batch_end=fail, on_error="raise"), spy) as run:
        train(run)
    assert authors == ["spy"]
    assert run._author == "loop"


def test_retention_policies_are_added(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[list[Any]] = []

    def retain(policy: str) -> Made:
        return Made(policy, on_setup=lambda run: run.retain(policy))

    with make_run(retain("a")) as run:
        monkeypatch.setattr(run.checkpoints, "set_retention", lambda policies: given.append(list(policies)))
        run.retain("b", "c")
    assert given == [["a", "b", "c"]]


def test_work_is_handed_to_the_helper_process(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[Any] = []
    with make_run(Made("draws", on_epoch_end=lambda run: run.offload("a:b", {"x": 1}, "key", at_end=True))) as run:
        monkeypatch.setattr(run.wiring.helper, "submit", lambda *job, **when: jobs.append((*job, when)))
        train(run, epochs=1)
    assert jobs == [("a:b", {"x": 1}, "key", {"at_end": True, "deliver": None})]


def test_a_snapshot_is_what_the_run_is_now(make_run: MakeRun) -> None:
    with make_run(Trace()) as run:
        train(run, epochs=1)
        snapshot = run.freeze()
        run.log({"loss": 9.0})
    assert (snapshot.step, snapshot.epoch, snapshot.name) == (2, 1, run.name)
    assert snapshot.metrics["train/loss"] == 1.5


@pytest.mark.parametrize(("level", "number"), [("info", 20), ("warning", 30), ("error", 40)])
def test_an_alert_stands_in_the_log_at_once(
    make_run: MakeRun, caplog: pytest.LogCaptureFixture, level: Level, number: int
) -> None:
    with caplog.at_level(logging.INFO), make_run() as run:
        run.alert("The disk is nearly full", "2 GB are left", level)
        told = [(record.levelno, record.message) for record in caplog.records if "disk" in record.message]
    assert told == [(number, "The disk is nearly full: 2 GB are left")]
