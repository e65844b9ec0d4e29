from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.summary_report import SummaryReport
from lineside.errors import MissingDependency, OptionError
from lineside.run import Run
from lineside.testing import FakeRun
from tests.unit.run.deaths import interrupted
from tests.unit.run.toys import Made, train

BUILD = "lineside.reports.html.build:build_report"


def test_it_is_made_once_when_everything_is_over() -> None:
    run = FakeRun([SummaryReport()]).play(3)
    (job,) = run.offloads
    assert (job.target, job.key, job.at_end) == (BUILD, "summary-report", True)
    assert job.arguments == {"run_dir": str(run.dir.absolute()), "reader_language": "en"}


def test_it_is_made_after_a_failure_as_well() -> None:
    run = FakeRun([SummaryReport()])
    run.batch_end(loss=0.5)
    run.fail(RuntimeError("boom"))
    assert [job.at_end for job in run.offloads] == [True]


@pytest.mark.parametrize(("every", "jobs"), [("2 epochs", 2), ("1 epoch", 5), ("12 steps", 2), ("100 epochs", 0)])
def test_while_the_run_goes_on_it_is_made_as_often_as_it_is_told(every: str, jobs: int) -> None:
    run = FakeRun([SummaryReport(every=every)], batches=6).play(5)
    assert [job.at_end for job in run.offloads] == [False] * jobs + [True]
    assert {job.key for job in run.offloads} == {"summary-report"}


def test_short_epochs_wait_for_their_turn() -> None:
    run = FakeRun([SummaryReport(every="1 epoch")], batches=2)
    for _ in range(7):
        run.epoch_end(loss=0.5)
    # Epochs of two seconds: one report in each five of them.
    assert len(run.offloads) == 3


def test_the_language_is_the_one_asked_for_or_that_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    run = FakeRun([SummaryReport(), SummaryReport(language="en", name="english")]).play(1)
    assert [job.arguments["reader_language"] for job in run.offloads] == ["zh", "en"]


def test_it_can_be_shown_in_the_browser_when_it_is_there() -> None:
    run = FakeRun([SummaryReport(open=True, every="1 epoch")]).play(2)
    *_, made, shown = run.offloads
    assert (made.target, shown.target, shown.at_end) == (BUILD, "webbrowser:open", True)
    assert shown.arguments == {"url": (run.dir.absolute() / "report.html").as_uri()}
    assert [job.target for job in run.offloads].count("webbrowser:open") == 1


def test_a_resumed_run_makes_it_when_the_uninterrupted_one_would() -> None:
    run = FakeRun([SummaryReport(every="2 epochs")], batches=6)
    for _ in range(3):
        run.epoch_end(loss=0.5)
    again = FakeRun.resumed(run.state(), [SummaryReport(every="2 epochs")], batches=6)
    again.epoch_end(loss=0.5)
    assert [len(run.offloads), len(again.offloads)] == [1, 1]


def test_a_run_may_be_resumed_without_the_interval_that_it_began_with() -> None:
    run = FakeRun([SummaryReport(every="1 epoch")])
    run.epoch_end(loss=0.5)
    again = FakeRun.resumed(run.state(), [SummaryReport()])
    again.epoch_end(loss=0.5)
    assert again.offloads == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"language": "fr"}, r"language='fr' is unknown\. Use 'en' or 'zh'"),
        ({"every": "10"}, "every='10' is not a duration"),
        ({"open": "yes"}, "open='yes' must be True or False"),
    ],
)
def test_wrong_options_are_refused(options: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        SummaryReport(**options)


def test_without_jinja2_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "lineside.callbacks.summary_report.find_spec", lambda name: None if name == "jinja2" else real(name)
    )
    with pytest.raises(MissingDependency, match=r"pip install 'lineside\[report\]'"):
        SummaryReport()


def test_the_report_of_a_stopped_run_holds_its_end_and_its_costs(tmp_path: Any) -> None:
    callbacks = [EarlyStopping("loss", patience=2), SummaryReport(), Made("last", on_teardown=lambda run: None)]
    with Run(callbacks=callbacks, run_dir=tmp_path) as run:
        train(run, epochs=10)
    page = (run.dir / "report.html").read_text("utf-8")
    assert "</span>stopped</p>" in page
    assert "loss has not improved on 1.5 of epoch 1 for 2 values" in page
    # What was called at the very end is charged as well.
    assert all(f">{name}\n" in page for name in ("early-stopping", "summary-report", "last"))


def test_the_report_of_a_failed_run_holds_the_error(tmp_path: Any) -> None:
    def fail(run: Any) -> None:
        raise ValueError("no such colour: <mauve>")

    broken = Made("broken", on_epoch_end=fail, on_error="raise")
    with pytest.raises(ValueError, match="mauve"), Run(callbacks=[SummaryReport(), broken], run_dir=tmp_path) as run:
        train(run)
    page = (run.dir / "report.html").read_text("utf-8")
    assert "</span>failed</p>" in page
    assert "ValueError: no such colour: &lt;mauve&gt;" in page
    assert "<mauve>" not in page


def test_the_report_of_an_interrupted_run_says_so(tmp_path: Any) -> None:
    run = interrupted(lambda *callbacks: Run(callbacks=callbacks, run_dir=tmp_path), SummaryReport())
    page = (run.dir / "report.html").read_text("utf-8")
    assert "</span>interrupted</p>" in page
    assert "interrupted by SIGTERM" in page


def test_a_report_that_cannot_be_made_costs_nothing_but_itself(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    def spoil(run: Any) -> None:
        (run.dir / "report.html").mkdir()

    spoiling = Made("spoiling", on_setup=spoil)
    with Run(callbacks=[SummaryReport(), spoiling], run_dir=tmp_path) as run:
        train(run)
    assert run.reason == "all 2 epochs are done"
    assert "build_report failed in the helper process; training goes on" in caplog.text
